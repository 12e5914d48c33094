// Parts of queries over tenants. The first byte chooses: odd ('1'), the rest is what an Operation
// Node asks; even ('0'), what a node answers.
//
// Promises   a request that is read is written and read the same again; an answer is read to its
//            `end`, or refused; nothing takes memory for what is only announced.
#include <algorithm>
#include <cstring>

#include <arrow/record_batch.h>

#include "granary/api/part_frames.h"
#include "granary/api/part_request.h"
#include "granary/base/check.h"
#include "granary/testing/fuzz_target.h"

namespace granary::api {
namespace {

void Ask(std::string_view bytes) {
  const auto request = DecodePartRequest(bytes);
  if (!request.ok()) {
    const Code code = request.status().code();
    GRANARY_CHECK(code == Code::kInvalidRequest || code == Code::kUnsupported);
    return;
  }
  const std::string once = EncodePartRequest(*request);
  const auto again = DecodePartRequest(once);
  GRANARY_CHECK(again.ok(), "{}", again.status().ToString());
  GRANARY_CHECK(EncodePartRequest(*again) == once);
}

void Answer(std::string_view bytes) {
  PartReader reader(
      [&bytes](std::span<char> out) -> Result<std::size_t> {
        const std::size_t count = std::min(out.size(), bytes.size());
        std::memcpy(out.data(), bytes.data(), count);
        bytes.remove_prefix(count);
        return count;
      },
      "acme", 1u << 20);
  while (true) {
    const auto frame = reader.Next();
    if (!frame.ok()) {
      const Code code = frame.status().code();
      GRANARY_CHECK(code == Code::kCorruption || code == Code::kTooLarge);
      return;
    }
    if (const auto* rows = std::get_if<PartRows>(&*frame)) {
      std::int64_t total = 0;
      for (const query::ResultBatch& batch : rows->batches) total += batch.batch->num_rows();
      GRANARY_CHECK(static_cast<std::size_t>(total) == rows->order.size());
      GRANARY_CHECK(rows->keys.empty() || rows->keys.size() == rows->order.size());
    }
    if (std::holds_alternative<PartEnd>(*frame)) return;
  }
}

}  // namespace
}  // namespace granary::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::testing::FuzzInput input(data, size);
  if (input.Byte() % 2 == 1)
    granary::api::Ask(input.rest());
  else
    granary::api::Answer(input.rest());
  return 0;
}

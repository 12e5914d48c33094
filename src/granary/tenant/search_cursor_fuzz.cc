// Cursors. The first byte chooses: odd ('1'), the rest is the text that a client sends; even ('0'),
// the rest is the body of a cursor, and gets the right signature: what a client cannot do, and
// an older or newer release of ours can.
//
// Promises   anything that is not a cursor is refused at /cursor; one that is read is written and
//            read the same again.
#include <algorithm>
#include <string>

#include "granary/base/base64.h"
#include "granary/base/check.h"
#include "granary/security/hmac.h"
#include "granary/tenant/search_cursor.h"
#include "granary/testing/fuzz_target.h"

namespace granary {
namespace {

const std::string kKey(32, 'k');

std::string Signed(std::string_view body) {
  const auto mac = security::HmacSha256(kKey, body);
  GRANARY_CHECK(mac.ok());
  std::string text = Base64Encode(std::string(body) + *mac);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  text.resize(std::min(text.find('='), text.size()));
  return text;
}

void Run(testing::FuzzInput input) {
  const bool is_text = input.Byte() % 2 == 1;
  if (!is_text && input.rest().empty()) return;
  const std::string text = is_text ? std::string(input.rest()) : Signed(input.rest());
  const CursorSeal seal(kKey);
  const auto cursor = seal.Read(text);
  if (!cursor.ok()) {
    const Status& refusal = cursor.status();
    GRANARY_CHECK(refusal.code() == Code::kInvalidRequest, "{}", refusal.ToString());
    GRANARY_CHECK(refusal.fields().size() == 1 && refusal.fields()[0].pointer == "/cursor");
    return;
  }
  // Compared as text: a NaN in it is not equal to itself.
  const auto once = seal.Write(*cursor);
  GRANARY_CHECK(once.ok(), "{}", once.status().ToString());
  const auto again = seal.Read(*once);
  GRANARY_CHECK(again.ok(), "{}", again.status().ToString());
  const auto twice = seal.Write(*again);
  GRANARY_CHECK(twice.ok() && *twice == *once);
  GRANARY_CHECK(again->sources == cursor->sources && again->request == cursor->request);
}

}  // namespace
}  // namespace granary

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::Run({data, size});
  return 0;
}

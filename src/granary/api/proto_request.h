// The bytes of gRPC requests to what the shared readers (request_json.h) take.
//
// Errors     kInvalidRequest when the bytes are no such message; BodyOf's; and whatever the reader
//            finds in the body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary::api {

/// How a client wants its rows.
enum class RowFormat : std::uint8_t { kRows, kArrow };

struct SearchMessage {
  std::string body;
  bool streaming = false;
  RowFormat format = RowFormat::kRows;
};
Result<SearchMessage> ReadSearchMessage(std::string_view bytes);

struct AggregateMessage {
  std::string body;
  RowFormat format = RowFormat::kRows;
};
Result<AggregateMessage> ReadAggregateMessage(std::string_view bytes);

struct ExplainMessage {
  std::string body;  ///< Of POST /data/explain.
  bool analyze = false;
};
/// A search that streams or an answer's format are nothing to explain: kUnknownMember.
Result<ExplainMessage> ReadExplainMessage(std::string_view bytes);

struct WriteMessage {
  std::string body;
  std::string idempotency_key;  ///< Empty: none.
};
/// A message without a source goes to `source_id`, which is set to the one used.
Result<WriteMessage> ReadWriteMessage(std::string_view bytes, std::string& source_id);

Result<std::string> ReadAddSourceMessage(std::string_view bytes);

struct UpdateSourceMessage {
  std::string source_id;
  std::string body;  ///< Of PATCH.
};
Result<UpdateSourceMessage> ReadUpdateSourceMessage(std::string_view bytes);

struct RemoveSourceMessage {
  std::string source_id;
  bool keep_data = false;
};
Result<RemoveSourceMessage> ReadRemoveSourceMessage(std::string_view bytes);
/// GetSourceStatsRequest's source_id.
Result<std::string> ReadSourceIdMessage(std::string_view bytes);
/// For requests without fields.
Status ReadListSourcesMessage(std::string_view bytes);
Status ReadGetTenantStatsMessage(std::string_view bytes);
Status ReadHealthCheckMessage(std::string_view bytes);

}  // namespace granary::api

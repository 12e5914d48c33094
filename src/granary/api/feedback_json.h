// What queries did, as nodes tell a CBO Engine: POST /feedback, both ways.
//
//   {"node_id": "node-1", "tenant_id": "acme", "records": [{…}, …]}
//
// Errors     ReadFeedback: kInvalidJson, kInvalidRequest, kUnknownMember for a body that is none.
//            A record that lies (a time below zero or past an hour, rows that are no number,
//            an operator or unit that is unknown, another node's name) is refused alone, with the
//            pointers of what is wrong; the others count.
// Threads    pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/learning/query_feedback.h"

namespace granary::api {

inline constexpr std::size_t kFeedbackRecordsMax = 1000;  ///< Of one body.
inline constexpr std::size_t kFeedbackFaultsMax = 100;    ///< That are named.

void AppendFeedback(const query::QueryFeedback& record, std::string& out);
std::string FeedbackJson(std::string_view node, std::string_view tenant,
                         const std::vector<query::QueryFeedback>& records);
/// One record, such as AppendFeedback made.
Result<query::QueryFeedback> ReadFeedbackRecord(std::string_view text);

struct FeedbackBody {
  std::string node, tenant;
  std::vector<query::QueryFeedback> records;
  std::size_t refused = 0;
  std::vector<FieldError> faults;
};
Result<FeedbackBody> ReadFeedback(std::string_view body);

}  // namespace granary::api

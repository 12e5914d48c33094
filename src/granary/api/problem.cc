#include "granary/api/problem.h"

#include "granary/api/code_table.h"
#include "granary/api/json_object.h"

namespace granary::api {
namespace {

// "UNKNOWN_COLUMN" -> "urn:granary:problem:unknown-column"
std::string TypeUrn(std::string_view code_name) {
  std::string urn = "urn:granary:problem:";
  for (const char c : code_name) urn.push_back(c == '_' ? '-' : static_cast<char>(c | 0x20));
  return urn;
}

void AppendErrors(const std::vector<FieldError>& fields, std::string& out) {
  out.push_back('[');
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out.push_back(',');
    JsonObject error(out);
    error.Add("pointer", fields[i].pointer);
    error.Add("detail", fields[i].detail);
    error.Close();
  }
  out.push_back(']');
}

}  // namespace

std::string ProblemJson(const Status& status, std::string_view request_id,
                        std::optional<int> http_status) {
  const CodeRow& row = RowOf(status.code());
  const std::string_view name = CodeName(status.code());
  std::string out;
  JsonObject problem(out);
  problem.Add("type", TypeUrn(name));
  problem.Add("title", row.title);
  problem.Add("status", http_status.value_or(row.http));
  problem.Add("detail", status.message());
  problem.Add("instance", request_id);
  problem.Add("code", name);
  if (!status.fields().empty()) AppendErrors(status.fields(), problem.Key("errors"));
  problem.Close();
  return out;
}

}  // namespace granary::api

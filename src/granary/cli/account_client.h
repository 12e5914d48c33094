// AccountClient: the Auth Gateway's users, keys and roles as the command line uses them.
//
// Threads    one.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <simdjson.h>

#include "granary/base/status.h"
#include "granary/cli/node_client.h"

namespace granary::cli {

/// What all commands of users, keys and roles share.
struct AccountOptions {
  std::string url = "http://127.0.0.1:8080";
  std::string ca_file;
  std::string key_file;          ///< Empty: GRANARY_API_KEY, or the terminal.
  std::string output = "table";  ///< Or "json".
  bool as_json() const { return output == "json"; }
};

class AccountClient {
 public:
  /// ReadApiKey's errors; kInvalidArgument for another output than table and json.
  static Result<AccountClient> Create(const AccountOptions& options);

  /// NodeClient::Call's.
  Result<std::string> Call(std::string_view method, const std::string& target,
                           std::string_view body = {});
  /// Every item of a list, over all its pages; `member` names the list, `target` has a query
  /// already ("/auth/keys?limit=1000"). A failure of `each` ends it.
  Status ForEach(const std::string& target, std::string_view member,
                 const std::function<Status(const simdjson::dom::element& item)>& each);

 private:
  explicit AccountClient(NodeClient http) : http_(std::move(http)) {}
  NodeClient http_;
};

/// A segment of a path; whatever somebody types stays one.
std::string PathSegment(std::string_view text);
/// A member as text: a string as it is, null and what is missing as nothing.
std::string MemberText(const simdjson::dom::element& of, std::string_view name);
/// A list of strings as "a, b".
std::string MemberTexts(const simdjson::dom::element& of, std::string_view name);
/// A list of grants as "read:a write:b"; `otherwise` where it is null.
std::string MemberGrants(const simdjson::dom::element& of, std::string_view name,
                         std::string_view otherwise);
/// kInternal when it is not JSON.
Result<simdjson::dom::element> ParseAnswer(simdjson::dom::parser& parser,
                                           const std::string& answer);
void PrintText(const std::string& text);

}  // namespace granary::cli

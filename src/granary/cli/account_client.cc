#include "granary/cli/account_client.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "granary/cli/secret_input.h"
#include "granary/net/request_target.h"

namespace granary::cli {

using simdjson::dom::element;

Result<AccountClient> AccountClient::Create(const AccountOptions& options) {
  if (options.output != "table" && options.output != "json")
    return Status(Code::kInvalidArgument, "--output " + options.output + ": one of table, json");
  GRANARY_ASSIGN(const std::string key, ReadApiKey(options.key_file));
  GRANARY_ASSIGN(NodeClient http, NodeClient::Create(options.url, options.ca_file));
  http.set_credential(key);
  return AccountClient(std::move(http));
}

Result<std::string> AccountClient::Call(std::string_view method, const std::string& target,
                                        std::string_view body) {
  return http_.Call(method, target, body);
}

Status AccountClient::ForEach(const std::string& target, std::string_view member,
                              const std::function<Status(const element& item)>& each) {
  std::string after;
  for (;;) {
    std::string page = target;
    if (!after.empty()) page += "&after=" + PathSegment(after);
    GRANARY_ASSIGN(const std::string answer, Call("GET", page));
    simdjson::dom::parser parser;
    GRANARY_ASSIGN(const element document, ParseAnswer(parser, answer));
    simdjson::dom::array items;
    if (document[member].get(items) != simdjson::SUCCESS)
      return Status::Internal(fmt::format("the gateway's answer has no list '{}'", member));
    for (const element item : items) GRANARY_TRY(each(item));
    after = MemberText(document, "next");
    if (after.empty()) return Status::Ok();
  }
}

std::string PathSegment(std::string_view text) {
  // As in a query, where a slash is escaped too: so it names nothing else.
  return net::FormatTarget("", {{"", std::string(text)}}).substr(std::string_view("?=").size());
}

std::string MemberText(const element& of, std::string_view name) {
  element value;
  if (of[name].get(value) != simdjson::SUCCESS || value.is_null()) return "";
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? std::string(text)
                                              : std::string(simdjson::minify(value));
}

std::string MemberTexts(const element& of, std::string_view name) {
  simdjson::dom::array items;
  std::string out;
  if (of[name].get(items) != simdjson::SUCCESS) return out;
  for (const element item : items) {
    std::string_view text;
    if (item.get(text) == simdjson::SUCCESS) out.append(out.empty() ? "" : ", ").append(text);
  }
  return out;
}

std::string MemberGrants(const element& of, std::string_view name, std::string_view otherwise) {
  simdjson::dom::array grants;
  if (of[name].get(grants) != simdjson::SUCCESS) return std::string(otherwise);
  std::string out;
  for (const element grant : grants) {
    std::string verbs = MemberTexts(grant, "verbs");
    std::erase(verbs, ' ');
    out += fmt::format("{}{}:{}", out.empty() ? "" : " ", verbs, MemberText(grant, "source"));
  }
  return out;
}

Result<element> ParseAnswer(simdjson::dom::parser& parser, const std::string& answer) {
  element document;
  if (parser.parse(answer).get(document) != simdjson::SUCCESS)
    return Status::Internal("the gateway's answer is not JSON");
  return document;
}

void PrintText(const std::string& text) { std::fputs(text.c_str(), stdout); }

}  // namespace granary::cli

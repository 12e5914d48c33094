#include "granary/cli/grant_text.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "granary/api/json_object.h"

namespace granary::cli {

Result<GrantText> ParseGrantText(std::string_view text) {
  const auto wrong = [text] {
    return Status(Code::kInvalidArgument,
                  fmt::format("the grant '{}' is not VERBS:SOURCE, such as read,write:sales_* or "
                              "admin:*",
                              text.substr(0, 100)));
  };
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) return wrong();
  GrantText grant{.verbs = {}, .source = std::string(text.substr(colon + 1))};
  std::string_view verbs = text.substr(0, colon);
  for (bool last = false; !last;) {
    const auto comma = verbs.find(',');
    last = comma == std::string_view::npos;
    const std::string verb(verbs.substr(0, comma));
    if (verb.empty()) return wrong();
    if (std::ranges::find(grant.verbs, verb) == grant.verbs.end()) grant.verbs.push_back(verb);
    if (!last) verbs.remove_prefix(comma + 1);
  }
  return grant;
}

Result<std::vector<GrantText>> ParseGrantTexts(const std::vector<std::string>& texts) {
  std::vector<GrantText> grants;
  for (const std::string& text : texts) {
    GRANARY_ASSIGN(GrantText grant, ParseGrantText(text));
    AddGrants({std::move(grant)}, grants);
  }
  return grants;
}

std::string ToText(const GrantText& grant) {
  return fmt::format("{}:{}", fmt::join(grant.verbs, ","), grant.source);
}

void AppendGrantsJson(const std::vector<GrantText>& grants, std::string& out) {
  api::AppendList(grants, out, [&out](const GrantText& grant) {
    api::JsonObject object(out);
    api::AppendList(grant.verbs, object.Key("verbs"),
                    [&out](const std::string& verb) { json::AppendString(verb, out); });
    object.Add("source", std::string_view(grant.source));
    object.Close();
  });
}

void AddGrants(const std::vector<GrantText>& added, std::vector<GrantText>& grants) {
  for (const GrantText& one : added) {
    auto same = std::ranges::find(grants, one.source, &GrantText::source);
    if (same == grants.end())
      same = grants.insert(grants.end(), {.verbs = {}, .source = one.source});
    for (const std::string& verb : one.verbs)
      if (std::ranges::find(same->verbs, verb) == same->verbs.end()) same->verbs.push_back(verb);
  }
}

void RemoveGrants(const std::vector<GrantText>& removed, std::vector<GrantText>& grants) {
  for (const GrantText& one : removed) {
    const auto same = std::ranges::find(grants, one.source, &GrantText::source);
    if (same == grants.end()) continue;
    std::erase_if(same->verbs, [&one](const std::string& verb) {
      return std::ranges::find(one.verbs, verb) != one.verbs.end();
    });
    if (same->verbs.empty()) grants.erase(same);
  }
}

}  // namespace granary::cli

// Grants as the command line has them: "read,write:sales_*", verbs before a source, the beginning
// of sources, or "*".
//
// Threads    pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::cli {

struct GrantText {
  std::vector<std::string> verbs;  ///< In order, none twice.
  std::string source;
};

/// kInvalidArgument shows the form. Which verbs and sources there are, the gateway says.
Result<GrantText> ParseGrantText(std::string_view text);
Result<std::vector<GrantText>> ParseGrantTexts(const std::vector<std::string>& texts);

/// "read,write:sales_*"
std::string ToText(const GrantText& grant);

/// Appends [{"verbs":[…],"source":…}, …].
void AppendGrantsJson(const std::vector<GrantText>& grants, std::string& out);

/// Their verbs are added where the source has some already.
void AddGrants(const std::vector<GrantText>& added, std::vector<GrantText>& grants);
/// A source without verbs goes.
void RemoveGrants(const std::vector<GrantText>& removed, std::vector<GrantText>& grants);

}  // namespace granary::cli

// The console's files as answers: which form of a file goes out, and under which rules a browser
// runs it.
//
// Promise    no page of ours runs a script that is not a file of ours, whatever the data say: the
//            policy allows neither inline scripts and styles nor eval, and text that is to become
//            HTML must come from the one policy of Svelte's templates (Trusted Types).
// Source     CSP Level 3, Trusted Types; RFC 9110 §12.5.3, §13.1.2.
// Threads    pure functions.
#pragma once

#include <string_view>

#include "granary/hosting/router.h"
#include "granary/net/http_message.h"
#include "granary/services/monitoring/console_files.h"

namespace granary::services {

/// 200 in the smallest form that `accept_encoding` takes, or 304 when `if_none_match` has it. The
/// header values as they came, empty when they did not.
net::HttpResponse ConsoleAnswer(const ConsoleFile& file, std::string_view accept_encoding,
                                std::string_view if_none_match);

/// "/" and the files that it names; none needs access, since none holds data.
void AddConsoleShell(hosting::Router& router);

}  // namespace granary::services

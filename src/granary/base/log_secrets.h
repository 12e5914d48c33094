// What must not stand in a log line: the secret part of keys and tokens, wherever they came from: a
// path that somebody mistyped, another program's message.
//
// Forms      API keys gk_<id>_<secret>, of which the id stays, since it names the key; refresh
//            tokens gr_<secret>; JSON Web Tokens, three parts of base64url.
// Not for    passwords and shared keys, which have no form: whoever has one does not log it.
// Threads    pure functions.
#pragma once

#include <string>
#include <string_view>

namespace granary {

/// `text` with *** in the place of each secret.
std::string WithoutSecrets(std::string_view text);

}  // namespace granary

// CopyBody: what is left of a body, from where it comes to where it goes.
#pragma once

#include <span>

#include "granary/base/status.h"
#include "granary/net/http_message.h"

namespace granary::net {

/// In pieces as long as `piece` at most. Fails as the one or the other does; `read` is how reading
/// went: OK while only writing failed.
Status CopyBody(BodySource& from, BodySink& to, std::span<char> piece, Status& read);

}  // namespace granary::net

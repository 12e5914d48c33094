// Where an array or object of JSON text ends, without reading what is in it.
//
// Shape      64 bytes at a time where nothing is escaped: quotes and brackets become bits, what
//            stands in strings is masked out. Kinds of brackets need not match: whoever parses the
//            container sees to that.
#pragma once

#include <cstddef>
#include <string_view>

namespace granary::api {

/// `text` has a bracket at `begin`. The place behind the one that closes it; npos when none does.
std::size_t ContainerEnd(std::string_view text, std::size_t begin);

}  // namespace granary::api

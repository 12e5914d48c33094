#include "granary/net/copy_body.h"

#include <string_view>

namespace granary::net {

Status CopyBody(BodySource& from, BodySink& to, std::span<char> piece, Status& read) {
  for (;;) {
    const Result<std::size_t> n = from.Read(piece);
    read = n.status();
    GRANARY_TRY(read);
    if (*n == 0) return Status::Ok();
    GRANARY_TRY(to.Write(std::string_view(piece.data(), *n)));
  }
}

}  // namespace granary::net

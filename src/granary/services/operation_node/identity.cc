#include "granary/services/operation_node/identity.h"

#include <fmt/format.h>

#include "granary/base/ids.h"
#include "granary/security/digest.h"
#include "granary/security/secret_file.h"

namespace granary::operation {
namespace {

constexpr std::size_t kNameDigits = 16;
constexpr std::size_t kSecretLetters = 43;

Result<Identity> ParseIdentity(const std::string& text, const std::string& path) {
  const auto first = text.find('\n');
  if (first != std::string::npos && text.ends_with('\n')) {
    Identity out{text.substr(0, first), text.substr(first + 1)};
    out.secret.pop_back();
    if (IsIdentifier(out.id) && out.secret.size() == kSecretLetters) return out;
  }
  return Status::Corruption(fmt::format(
      "{}: it is not an Operation Node's identity; without it launched nodes are not known again",
      path));
}

}  // namespace

std::string Identity::KeyOf(const std::string& node) const {
  // Of fixed length in front, so that no two nodes share a text.
  return security::Hex(security::Sha256(secret + node));
}

Result<Identity> LoadIdentity(const std::string& folder, io::FileSystem& files,
                              io::Random& random) {
  const std::string path = io::JoinPath(folder, "identity");
  GRANARY_ASSIGN(const bool is_there, files.Exists(path));
  if (is_there) {
    GRANARY_TRY(security::HideFromOthers(path));
    GRANARY_ASSIGN(const std::string text, files.ReadFile(path));
    return ParseIdentity(text, path);
  }
  Identity made{"op-" + security::RandomName(random, kNameDigits),
                security::RandomText(random, kSecretLetters)};
  GRANARY_TRY(
      security::WriteSecretFile(files, path, fmt::format("{}\n{}\n", made.id, made.secret)));
  return made;
}

}  // namespace granary::operation

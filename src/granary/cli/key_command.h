// granary key: API keys of the Auth Gateway. A new secret is printed once, alone on stdout, so that
// it can go into a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/cli/account_client.h"

namespace granary::cli {

struct KeyOptions : AccountOptions {
  std::string id;    ///< 16 hexadecimal digits.
  std::string user;  ///< Whose: a name or an id; empty: the caller.
  std::string tenant;
  std::string name;
  std::vector<std::string> grants;  ///< Empty: all rights of its user.
  std::string expires_at;           ///< An instant; empty: never.
  std::optional<std::int64_t> grace_seconds;
};

Status ListKeys(const KeyOptions& options);
Status ShowKey(const KeyOptions& options);
Status CreateKey(const KeyOptions& options);
Status RotateKey(const KeyOptions& options);
Status RevokeKey(const KeyOptions& options);

}  // namespace granary::cli

// Identity: who an Operation Node is: a name that stays, and a secret that its launched nodes' keys
// are made of.
//
// Kept       in <folder>/identity, its owner's alone, made by the first start.
// Threads    a value.
#pragma once

#include <string>

#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/io/file_system.h"

namespace granary::operation {

struct Identity {
  std::string id;      ///< "op-4be0643f1d98573b"
  std::string secret;  ///< 256 random bits as text.

  /// The key of a node that it launches: another one for each.
  std::string KeyOf(const std::string& node) const;
};

/// kCorruption for a file that is none of ours; kIoError.
Result<Identity> LoadIdentity(const std::string& folder, io::FileSystem& files, io::Random& random);

}  // namespace granary::operation

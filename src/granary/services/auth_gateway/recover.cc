#include "granary/services/auth_gateway/recover.h"

#include <fmt/format.h>

#include "granary/auth/auth_file.h"
#include "granary/auth/authority.h"
#include "granary/io/clock.h"
#include "granary/io/posix_file_system.h"
#include "granary/services/auth_gateway/config.h"

namespace granary::gateway {

Result<std::string> MakeRecoveryKey(const hosting::ConfigSources& sources) {
  GRANARY_ASSIGN(const Config config, LoadConfig(sources));
  const auth::AuthorityOptions options = MakeAuthorityOptions(config);
  const std::string file = auth::AuthFilePath(options.folder);
  io::PosixFileSystem files;
  GRANARY_ASSIGN(const bool is_there, files.Exists(file));
  if (!is_there) {
    return Status(
        Code::kNotFound,
        fmt::format("there is no {}: is DATA_PATH the gateway's? Its first start prints a "
                    "key",
                    file));
  }
  const io::SystemClock clock;
  io::SystemRandom random;
  GRANARY_ASSIGN(const auto authority, auth::Authority::Open(options, clock, random));
  GRANARY_ASSIGN(const auth::MadeKey made, authority->MakeRecoveryKey());
  return made.text;
}

}  // namespace granary::gateway

#include "granary/testing/temp_directory.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "granary/base/check.h"
#include "granary/io/file_system.h"

namespace granary::testing {

TempDirectory::TempDirectory() {
  const char* root = std::getenv("TMPDIR");
  path_ = io::JoinPath(root != nullptr ? root : "/tmp", "granary-test-XXXXXX");
  const char* made = ::mkdtemp(path_.data());
  GRANARY_CHECK(made != nullptr, "path={} errno={}", path_, errno);
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDirectory::Join(std::string_view name) const { return io::JoinPath(path_, name); }

}  // namespace granary::testing

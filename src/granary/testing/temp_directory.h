// A directory of one test, removed with all below it at the end.
#pragma once

#include <string>
#include <string_view>

namespace granary::testing {

class TempDirectory {
 public:
  /// Under $TMPDIR, or /tmp.
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string Join(std::string_view name) const;

 private:
  std::string path_;
};

}  // namespace granary::testing

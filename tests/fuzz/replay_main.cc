// Runs a fuzz target over files and folders of files, without libFuzzer: each as it is, and, where
// the target has a mutator of its own, changed by it a few times. The changes are the same in every
// run.
//
//   granary_fuzz_x tests/fuzz/corpus/x        granary_fuzz_x crash-0123abcd
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "granary/testing/fake_random.h"
#include "granary/testing/fuzz_target.h"

// Weak: most targets have none.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed)
    __attribute__((weak));

namespace {

constexpr unsigned int kChangesPerFile = 16;
constexpr std::size_t kRoomForMore = 64;

granary::testing::FakeRandom& Chance() {
  static granary::testing::FakeRandom random(1);
  return random;
}

std::vector<std::filesystem::path> FilesOf(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The target gets a copy of just that size, so that a sanitizer sees every read behind it.
void Run(const std::string& bytes) {
  const std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

void RunChanged(const std::string& bytes) {
  for (unsigned int seed = 0; seed < kChangesPerFile; ++seed) {
    std::vector<std::uint8_t> changed(bytes.begin(), bytes.end());
    changed.resize(bytes.size() + kRoomForMore);
    const std::size_t size =
        LLVMFuzzerCustomMutator(changed.data(), bytes.size(), changed.size(), seed);
    Run(std::string(changed.begin(), changed.begin() + static_cast<std::ptrdiff_t>(size)));
  }
}

bool RunFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (!in) {
    std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
    return false;
  }
  // A check that fails stops the process: this line then says which file it was.
  std::fprintf(stderr, "running %s (%zu bytes)\n", path.c_str(), bytes.size());
  Run(bytes);
  if (LLVMFuzzerCustomMutator != nullptr) RunChanged(bytes);
  return true;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,
                                        std::size_t max_size) {
  auto& chance = Chance();
  if (size == 0 || (size < max_size && chance.OneIn(4))) {
    const std::size_t at = chance.Below(size + 1);
    std::copy_backward(data + at, data + size, data + size + 1);
    data[at] = static_cast<std::uint8_t>(chance.Next64());
    return size + 1;
  }
  const std::size_t at = chance.Below(size);
  if (chance.OneIn(4)) {
    std::copy(data + at + 1, data + size, data + at);
    return size - 1;
  }
  data[at] = static_cast<std::uint8_t>(data[at] ^ (1u << chance.Below(8)));
  return size;
}

int main(int count, char** arguments) {
  std::size_t files = 0;
  for (int i = 1; i < count; ++i) {
    for (const std::filesystem::path& file : FilesOf(arguments[i])) {
      if (!RunFile(file)) return 1;
      ++files;
    }
  }
  std::fprintf(stderr, "%zu files\n", files);
  if (files == 0) std::fprintf(stderr, "usage: %s FILE_OR_FOLDER...\n", arguments[0]);
  return files == 0 ? 2 : 0;
}

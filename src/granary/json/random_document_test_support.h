// Random documents, minified: a few dozen keys, most documents of a round alike, values of every
// kind, odd keys and numbers now and then.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "granary/json/batch_writer.h"

namespace granary::json {

class RandomDocuments {
 public:
  explicit RandomDocuments(std::uint64_t seed) : random_(seed) {}

  std::string Next() {
    std::string out;
    AppendObject(0, out);
    return out;
  }

 private:
  std::uint64_t Below(std::uint64_t bound) { return random_() % bound; }

  void AppendObject(int depth, std::string& out) {
    static constexpr std::array<std::string_view, 12> kKeys{
        "id", "kind", "at", "commit", "record", "", "a.b", "q\"\\", "ünï\n", "n", "_seq", "x"};
    out.push_back('{');
    const std::uint64_t first = Below(4);
    const std::uint64_t members = Below(6);
    std::string_view before;
    for (std::uint64_t i = 0; i < members; ++i) {
      const std::string_view key = kKeys[(first + i * (1 + Below(2))) % kKeys.size()];
      std::string written;
      AppendString(key, written);
      // A key stands once on top, and may stand twice inside.
      if (key == before || (depth == 0 && out.find(written) != out.npos)) continue;
      if (out.back() != '{') out.push_back(',');
      out.append(written);
      out.push_back(':');
      AppendValue(depth, out);
      before = key;
    }
    out.push_back('}');
  }

  void AppendValue(int depth, std::string& out) {
    static constexpr std::array<std::string_view, 20> kNumbers{"0",
                                                               "1",
                                                               "-1",
                                                               "7",
                                                               "42",
                                                               "9223372036854775807",
                                                               "-9223372036854775808",
                                                               "9223372036854775808",
                                                               "1.0",
                                                               "1.5",
                                                               "-0",
                                                               "-0.0",
                                                               "1e3",
                                                               "1E+2",
                                                               "0.10",
                                                               "1e+21",
                                                               "123456789012345678901234567890.5",
                                                               "0.1",
                                                               "3.141592653589793",
                                                               "9007199254740993"};
    static constexpr std::array<std::string_view, 7> kStrings{
        "", "create", "delete", "é\u0001", "a \"quote\" \\ and\n\t", "null", "😀"};
    switch (Below(depth < 4 ? 9 : 6)) {
      case 0:
      case 1: return AppendString(kStrings[Below(kStrings.size())], out);
      case 2: out.append(kNumbers[Below(kNumbers.size())]); return;
      case 3: fmt::format_to(std::back_inserter(out), "{}", Below(1000)); return;
      case 4: out.append(Below(2) == 0 ? "true" : "false"); return;
      case 5: out.append("null"); return;
      case 6: return AppendArray(depth, out);
      default: return AppendObject(depth + 1, out);
    }
  }

  void AppendArray(int depth, std::string& out) {
    out.push_back('[');
    for (std::uint64_t i = Below(4); i > 0; --i) {
      AppendValue(depth + 1, out);
      if (i > 1) out.push_back(',');
    }
    out.push_back(']');
  }

  std::mt19937_64 random_;
};

}  // namespace granary::json

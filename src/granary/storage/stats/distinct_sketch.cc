#include "granary/storage/stats/distinct_sketch.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace granary::storage {
namespace {

constexpr int kRankMax = 64 - DistinctSketch::kPrecision + 1;
static_assert(kRankMax < 64, "a rank takes six bits");

// The first byte of the code.
constexpr char kRunLengths =
    0;                        ///< A byte below 64 is a rank, any other a run of (byte - 63) zeroes.
constexpr char kSixBits = 1;  ///< Four registers in three bytes.

constexpr int kRunBase = 63;
constexpr std::size_t kRunMax = 255 - kRunBase;
constexpr std::size_t kPackedBytes = 1 + DistinctSketch::kRegisters * 6 / 8;

/// Ertl's sigma and tau: the shares of registers that are still zero, and of those that are full.
double Sigma(double x) {
  if (x == 1.0) return std::numeric_limits<double>::infinity();
  double weight = 1.0;
  double sum = x;
  for (double before = -1.0; sum != before; weight += weight) {
    x *= x;
    before = sum;
    sum += x * weight;
  }
  return sum;
}

double Tau(double x) {
  if (x == 0.0 || x == 1.0) return 0.0;
  double weight = 1.0;
  double sum = 1.0 - x;
  for (double before = -1.0; sum != before;) {
    x = std::sqrt(x);
    before = sum;
    weight *= 0.5;
    sum -= (1.0 - x) * (1.0 - x) * weight;
  }
  return sum / 3.0;
}

template <typename Registers>
std::string EncodeRuns(const Registers& registers) {
  std::string out(1, kRunLengths);
  std::size_t zeroes = 0;
  const auto end_run = [&] {
    if (zeroes > 0) out.push_back(static_cast<char>(kRunBase + zeroes));
    zeroes = 0;
  };
  for (const std::uint8_t rank : registers) {
    if (rank != 0) {
      end_run();
      out.push_back(static_cast<char>(rank));
    } else if (++zeroes == kRunMax) {
      end_run();
    }
  }
  end_run();
  return out;
}

template <typename Registers>
std::string EncodePacked(const Registers& registers) {
  std::string out(1, kSixBits);
  out.reserve(kPackedBytes);
  for (std::size_t i = 0; i < registers.size(); i += 4) {
    const unsigned bits =
        registers[i] | registers[i + 1] << 6 | registers[i + 2] << 12 | registers[i + 3] << 18;
    for (int shift = 0; shift < 24; shift += 8) out.push_back(static_cast<char>(bits >> shift));
  }
  return out;
}

template <typename Registers>
bool DecodeRuns(std::string_view bytes, Registers& registers) {
  std::size_t at = 0;
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    const std::size_t covers = byte <= kRunBase ? 1 : byte - kRunBase;
    if (covers > registers.size() - at || (byte <= kRunBase && byte > kRankMax)) return false;
    if (byte <= kRunBase) registers[at] = byte;
    at += covers;
  }
  return at == registers.size();
}

template <typename Registers>
bool DecodePacked(std::string_view bytes, Registers& registers) {
  if (bytes.size() != kPackedBytes - 1) return false;
  for (std::size_t i = 0; i < registers.size(); ++i) {
    const std::size_t first = i / 4 * 3;
    unsigned bits = 0;
    for (int k = 0; k < 3; ++k) bits |= static_cast<std::uint8_t>(bytes[first + k]) << (8 * k);
    registers[i] = bits >> (6 * (i % 4)) & 63;
    if (registers[i] > kRankMax) return false;
  }
  return true;
}

}  // namespace

void DistinctSketch::Merge(const DistinctSketch& other) {
  for (std::size_t i = 0; i < kRegisters; ++i) {
    if (other.registers_[i] > registers_[i]) registers_[i] = other.registers_[i];
  }
}

std::uint64_t DistinctSketch::Estimate() const {
  std::array<std::uint32_t, kRankMax + 1> count{};
  for (const std::uint8_t rank : registers_) ++count[rank];

  constexpr double kAll = kRegisters;
  double z = kAll * Tau(1.0 - count[kRankMax] / kAll);
  for (int rank = kRankMax - 1; rank >= 1; --rank) z = 0.5 * (z + count[rank]);
  z += kAll * Sigma(count[0] / kAll);
  return static_cast<std::uint64_t>(std::llround(kAll * kAll / (2.0 * std::log(2.0)) / z));
}

std::string DistinctSketch::Encode() const {
  std::string runs = EncodeRuns(registers_);
  return runs.size() <= kPackedBytes ? runs : EncodePacked(registers_);
}

Result<DistinctSketch> DistinctSketch::Decode(std::string_view bytes) {
  DistinctSketch sketch;
  const bool decoded =
      !bytes.empty() && (bytes[0] == kRunLengths ? DecodeRuns(bytes.substr(1), sketch.registers_)
                         : bytes[0] == kSixBits  ? DecodePacked(bytes.substr(1), sketch.registers_)
                                                 : false);
  if (!decoded)
    return Status::Corruption(fmt::format("distinct sketch: {} bytes do not decode", bytes.size()));
  return sketch;
}

}  // namespace granary::storage

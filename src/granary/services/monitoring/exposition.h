// Exposition: what GET /metrics of a service says, read and written again.
//
// Source     Prometheus text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).
// Bad input  a line that is none of the format's, is no UTF-8, or has a label twice, is counted and
//            passed over: one wrong line of a service must not hide its others. More than
//            kSamplesMax samples, kFamiliesMax families or kLineBytesMax bytes in a line are not
//            taken.
// Threads    values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace granary::services {

struct MetricSample {
  std::string name;  ///< Of the line: a histogram's ends in _bucket, _sum or _count.
  std::vector<std::pair<std::string, std::string>> labels;  ///< In order of the line.
  double value = 0;

  /// Empty when it has none of that name.
  std::string_view Label(std::string_view label) const;
};

struct MetricFamily {
  std::string name;
  std::string type = "untyped";  ///< counter, gauge, histogram, summary or untyped.
  std::string help;              ///< As it stands in the text, escapes included.
  std::vector<MetricSample> samples;
};

struct Exposition {
  std::vector<MetricFamily> families;  ///< In order of the text.
  std::uint64_t bad_lines = 0;

  /// The family of that name; null when there is none.
  const MetricFamily* Find(std::string_view family) const;
};

inline constexpr std::size_t kSamplesMax = 20'000;
inline constexpr std::size_t kFamiliesMax = 5'000;
inline constexpr std::size_t kLineBytesMax = 8 << 10;

Exposition ReadExposition(std::string_view text, std::size_t samples_max = kSamplesMax);

/// Of a federated text, what is of one service: the samples with its label `service`, without it.
Exposition PartOf(Exposition federated, std::string_view service);

/// A sample's own labels as they stand beside ours: `service`, and `node` with `with_node`.
std::vector<std::pair<std::string_view, std::string_view>> ExportedLabels(
    const MetricSample& sample, bool with_node);

/// One text of several: each sample has the label `service` in front, and `node` when it is of a
/// node of the fleet; each family stands once. A label of its own by such a name becomes
/// `exported_service`, `exported_node`, as Prometheus has it.
class FederatedText {
 public:
  void Add(std::string_view service, const Exposition& exposition, std::string_view node = {});
  std::string Render() const;

 private:
  struct Family {
    std::string name, type, help, lines;
  };
  std::vector<Family> families_;
  std::unordered_map<std::string, std::size_t> places_;
};

}  // namespace granary::services

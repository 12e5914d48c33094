#include "granary/services/monitoring/exposition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "granary/base/append_format.h"
#include "granary/base/utf8.h"

namespace granary::services {
namespace {

bool IsNameByte(char c, bool first) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
  return letter || (!first && c >= '0' && c <= '9');
}

// Takes from the front of a line.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  void SkipBlanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'))
      rest_.remove_prefix(1);
  }
  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view Name() {
    std::size_t end = 0;
    while (end < rest_.size() && IsNameByte(rest_[end], end == 0)) ++end;
    return Cut(end);
  }
  std::string_view Word() { return Cut(std::min(rest_.find_first_of(" \t"), rest_.size())); }
  std::string_view rest() const { return rest_; }

  /// "…" with \\, \" and \n; nothing when it does not end.
  std::optional<std::string> Quoted() {
    if (!Take('"')) return std::nullopt;
    std::string out;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return out;
      if (c != '\\') {
        out.push_back(c);
        continue;
      }
      if (rest_.empty()) return std::nullopt;
      out.push_back(rest_.front() == 'n' ? '\n' : rest_.front());
      rest_.remove_prefix(1);
    }
    return std::nullopt;
  }

 private:
  std::string_view Cut(std::size_t end) {
    const std::string_view out = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return out;
  }
  std::string_view rest_;
};

std::optional<double> ReadValue(std::string_view text) {
  if (text == "+Inf" || text == "Inf") return std::numeric_limits<double>::infinity();
  if (text == "-Inf") return -std::numeric_limits<double>::infinity();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  double value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool ReadLabels(LineReader& line, MetricSample& sample) {
  if (!line.Take('{')) return true;
  for (line.SkipBlanks(); !line.Take('}'); line.SkipBlanks()) {
    const std::string_view name = line.Name();
    line.SkipBlanks();
    if (name.empty() || !line.Take('=')) return false;
    line.SkipBlanks();
    auto value = line.Quoted();
    if (!value) return false;
    const bool twice = std::ranges::any_of(
        sample.labels, [name](const auto& label) { return label.first == name; });
    if (twice) return false;
    sample.labels.emplace_back(name, std::move(*value));
    line.SkipBlanks();
    if (!line.Take(',') && line.rest().empty()) return false;
  }
  return true;
}

std::optional<MetricSample> ReadSample(std::string_view text) {
  LineReader line(text);
  MetricSample sample;
  sample.name = line.Name();
  if (sample.name.empty() || !ReadLabels(line, sample)) return std::nullopt;
  line.SkipBlanks();
  const auto value = ReadValue(line.Word());
  if (!value) return std::nullopt;
  sample.value = *value;
  return sample;  // A time may follow: the scrape has its own.
}

bool BelongsTo(const MetricFamily& family, std::string_view sample) {
  if (sample == family.name) return true;
  if (!sample.starts_with(family.name)) return false;
  const std::string_view end = sample.substr(family.name.size());
  return (family.type == "histogram" || family.type == "summary") &&
         (end == "_bucket" || end == "_sum" || end == "_count");
}

// The families as they come, found by name.
class FamilyBook {
 public:
  explicit FamilyBook(std::vector<MetricFamily>& families) : families_(families) {}

  /// Null when it would be one too many.
  MetricFamily* Of(std::string_view name) {
    const auto found = places_.find(std::string(name));
    if (found != places_.end()) return &families_[found->second];
    if (families_.size() == kFamiliesMax) return nullptr;
    places_.emplace(name, families_.size());
    families_.emplace_back().name = name;
    return &families_.back();
  }
  MetricFamily* OfSample(std::string_view sample) {
    for (const std::string_view end : {"_bucket", "_sum", "_count"}) {
      if (!sample.ends_with(end)) continue;
      const auto found = places_.find(std::string(sample.substr(0, sample.size() - end.size())));
      if (found != places_.end() && BelongsTo(families_[found->second], sample))
        return &families_[found->second];
    }
    return Of(sample);
  }

 private:
  std::vector<MetricFamily>& families_;
  std::unordered_map<std::string, std::size_t> places_;
};

constexpr std::string_view kTypes[] = {"counter", "gauge", "histogram", "summary", "untyped"};

/// False for a line that says something, and that wrongly.
bool ReadComment(std::string_view text, FamilyBook& families) {
  LineReader line(text);
  line.Take('#');
  line.SkipBlanks();
  const std::string_view keyword = line.Word();
  if (keyword != "HELP" && keyword != "TYPE") return true;
  line.SkipBlanks();
  const std::string_view name = line.Name();
  line.SkipBlanks();
  const std::string_view said = line.rest();
  const bool known = keyword == "HELP" || std::ranges::find(kTypes, said) != std::end(kTypes);
  if (name.empty() || !known || said.find('\r') != std::string_view::npos) return false;
  MetricFamily* family = families.Of(name);
  if (family == nullptr) return false;
  (keyword == "HELP" ? family->help : family->type) = said;
  return true;
}

void AppendLabel(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append("=\"");
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

void AppendNumber(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    AppendFormat(out, "{}", value);
  }
}

}  // namespace

std::vector<std::pair<std::string_view, std::string_view>> ExportedLabels(
    const MetricSample& sample, bool with_node) {
  const bool has_service = !sample.Label("service").empty();
  const bool has_node = with_node && !sample.Label("node").empty();
  std::vector<std::pair<std::string_view, std::string_view>> out;
  for (const auto& [name, value] : sample.labels) {
    // A label of ours wins over one of theirs that would come out by the same name.
    if ((has_service && name == "exported_service") || (has_node && name == "exported_node"))
      continue;
    std::string_view shown = name;
    if (name == "service") shown = "exported_service";
    if (with_node && name == "node") shown = "exported_node";
    out.emplace_back(shown, value);
  }
  return out;
}

std::string_view MetricSample::Label(std::string_view label) const {
  for (const auto& [name, value_of_it] : labels)
    if (name == label) return value_of_it;
  return {};
}

const MetricFamily* Exposition::Find(std::string_view family) const {
  const auto found = std::ranges::find(families, family, &MetricFamily::name);
  return found == families.end() ? nullptr : &*found;
}

Exposition ReadExposition(std::string_view text, std::size_t samples_max) {
  Exposition out;
  FamilyBook families(out.families);
  std::size_t samples = 0;
  const auto take = [&](std::string_view line) {
    if (line.size() > kLineBytesMax || !IsValidUtf8(line)) return false;
    if (line.starts_with('#')) return ReadComment(line, families);
    if (samples == samples_max) return false;
    std::optional<MetricSample> sample = ReadSample(line);
    if (!sample) return false;
    MetricFamily* family = families.OfSample(sample->name);
    if (family == nullptr) return false;
    ++samples;
    family->samples.push_back(std::move(*sample));
    return true;
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos && !take(line)) ++out.bad_lines;
  }
  return out;
}

Exposition PartOf(Exposition federated, std::string_view service) {
  for (MetricFamily& family : federated.families) {
    std::erase_if(family.samples, [service](const MetricSample& sample) {
      return sample.Label("service") != service;
    });
    for (MetricSample& sample : family.samples)
      std::erase_if(sample.labels, [](const auto& label) { return label.first == "service"; });
  }
  std::erase_if(federated.families,
                [](const MetricFamily& family) { return family.samples.empty(); });
  return federated;
}

void FederatedText::Add(std::string_view service, const Exposition& exposition,
                        std::string_view node) {
  for (const MetricFamily& family : exposition.families) {
    const auto [place, added] = places_.try_emplace(family.name, families_.size());
    if (added) families_.push_back({family.name, family.type, family.help, {}});
    for (const MetricSample& sample : family.samples) {
      std::string& out = families_[place->second].lines;
      out.append(sample.name).push_back('{');
      AppendLabel("service", service, out);
      if (!node.empty()) {
        out.push_back(',');
        AppendLabel("node", node, out);
      }
      for (const auto& [name, value] : ExportedLabels(sample, !node.empty())) {
        out.push_back(',');
        AppendLabel(name, value, out);
      }
      out += "} ";
      AppendNumber(sample.value, out);
      out.push_back('\n');
    }
  }
}

std::string FederatedText::Render() const {
  std::string out;
  for (const Family& family : families_) {
    if (!family.help.empty())
      out.append("# HELP ").append(family.name).append(" ").append(family.help).append("\n");
    out.append("# TYPE ").append(family.name).append(" ").append(family.type).append("\n");
    out += family.lines;
  }
  return out;
}

}  // namespace granary::services

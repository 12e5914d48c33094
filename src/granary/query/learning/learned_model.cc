#include "granary/query/learning/learned_model.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "granary/base/crc32c.h"
#include "granary/query/learning/coefficient_fitter.h"
#include "granary/query/optimizer/coefficients.h"

namespace granary::query {
namespace {

constexpr std::string_view kFirstWord = "granary-cost-model";
constexpr std::string_view kLastWord = "crc32c";

Status Refused(std::string reason) { return {Code::kCorruption, std::move(reason)}; }

template <typename Number>
bool ParseNumber(std::string_view text, Number& out, int base = 10) {
  const char* end = text.data() + text.size();
  std::from_chars_result read{};
  if constexpr (std::is_floating_point_v<Number>)
    read = std::from_chars(text.data(), end, out);
  else
    read = std::from_chars(text.data(), end, out, base);
  return read.ec == std::errc() && read.ptr == end && !text.empty();
}

std::string_view TakeUntil(std::string_view& rest, char end) {
  const auto at = std::min(rest.find(end), rest.size());
  const std::string_view taken = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return taken;
}

std::optional<ModelOrigin> OriginOf(std::string_view name) {
  for (const ModelOrigin origin : {ModelOrigin::kBuiltin, ModelOrigin::kCalibrated,
                                   ModelOrigin::kLearned, ModelOrigin::kEngine}) {
    if (ModelOriginName(origin) == name) return origin;
  }
  return std::nullopt;
}

/// What stands in a line of its own: no line break in it.
std::string OneLine(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  return out;
}

std::string Body(const LearnedModel& model) {
  std::string out;
  for (const Coefficient& each : Coefficients())
    out += fmt::format("price {} {}\n", each.name, model.costs.*each.ns);
  out += fmt::format("price tie_ns {}\n", model.costs.tie_ns);
  for (const ShapeRatios& shape : model.shapes) {
    out += fmt::format("shape {:016x} ", shape.shape);
    for (std::size_t i = 0; i < shape.ratios.size(); ++i)
      out += fmt::format("{}{}", i == 0 ? "" : ",", shape.ratios[i]);
    out += " " + OneLine(shape.text) + "\n";
  }
  return out;
}

class Reader {
 public:
  Status Line(std::string_view line) {
    const std::string_view word = TakeUntil(line, ' ');
    if (word == "price") return Price(line);
    if (word == "shape") return Shape(line);
    if (word == "version") return Name(word, line, model_.costs.version);
    if (word == "parent") return Name(word, line, model_.parent);
    if (word == "owner") return Name(word, line, model_.owner);
    if (word == "made_us") return Whole(word, line, model_.made_us);
    if (word == "queries") return Whole(word, line, model_.queries);
    if (word != "origin") return Refused(fmt::format("it has a line \"{}\" that is unknown", word));
    const auto origin = OriginOf(line);
    if (!origin) return Refused(fmt::format("its origin \"{}\" is unknown", line));
    model_.origin = *origin;
    return Status::Ok();
  }

  Result<LearnedModel> Finish() {
    if (prices_ != kUnits + 1)
      return Refused(fmt::format("it has {} prices of {}", prices_, kUnits + 1));
    if (model_.costs.version.empty()) return Refused("it has no version");
    return std::move(model_);
  }

 private:
  Status Price(std::string_view line) {
    const std::string_view name = TakeUntil(line, ' ');
    double ns = 0;
    const bool is_number = ParseNumber(line, ns);
    const CostModel builtin;
    double least = 0, most = 1e9;
    double CostModel::*member = &CostModel::tie_ns;
    std::size_t place = kUnits;
    if (name != "tie_ns") {
      const auto unit = FindUnit(name);
      if (!unit) return Refused(fmt::format("its price {} is unknown to this version", name));
      place = static_cast<std::size_t>(*unit);
      member = Coefficients()[place].ns;
      // A little more, for what was rounded.
      least = builtin.*member / CoefficientFitter::kBound * 0.999;
      most = builtin.*member * CoefficientFitter::kBound * 1.001;
    }
    if (!is_number || !(ns >= least && ns <= most)) {
      return Refused(fmt::format("its price {} is {}, where {} to {} ns are possible", name, line,
                                 least, most));
    }
    if (std::exchange(has_price_[place], true))
      return Refused(fmt::format("its price {} stands there twice", name));
    ++prices_;
    model_.costs.*member = ns;
    return Status::Ok();
  }

  Status Shape(std::string_view line) {
    ShapeRatios shape;
    const std::string_view hash = TakeUntil(line, ' ');
    std::string_view ratios = TakeUntil(line, ' ');
    shape.text = line.substr(0, ShapeTable::kTextMax);
    bool is_sane = ParseNumber(hash, shape.shape, 16);
    while (!ratios.empty()) {
      double ratio = 0;
      is_sane = is_sane && ParseNumber(TakeUntil(ratios, ','), ratio) && std::isfinite(ratio);
      shape.ratios.push_back(ratio);
    }
    if (!is_sane || shape.ratios.size() > ShapeTable::kRatios || shape.ratios.empty())
      return Refused(fmt::format("its shape {} is none", hash));
    if (model_.shapes.size() == ShapeTable::kShapesMax)
      return Refused(fmt::format("it has more than {} shapes", ShapeTable::kShapesMax));
    model_.shapes.push_back(std::move(shape));
    return Status::Ok();
  }

  static Status Name(std::string_view what, std::string_view text, std::string& out) {
    if (text.size() > kModelNameMax) return Refused(fmt::format("its {} is too long", what));
    out = text;
    return Status::Ok();
  }
  template <typename Number>
  static Status Whole(std::string_view what, std::string_view text, Number& out) {
    if (ParseNumber(text, out)) return Status::Ok();
    return Refused(fmt::format("its {} \"{}\" is no number", what, text));
  }

  LearnedModel model_;
  std::size_t prices_ = 0;
  std::array<bool, kUnits + 1> has_price_{};
};

}  // namespace

std::string_view ModelOriginName(ModelOrigin origin) {
  switch (origin) {
    case ModelOrigin::kBuiltin: return "builtin";
    case ModelOrigin::kCalibrated: return "calibrated";
    case ModelOrigin::kLearned: return "learned";
    case ModelOrigin::kEngine: break;
  }
  return "engine";
}

std::string VersionOf(const LearnedModel& model, std::uint64_t count) {
  return fmt::format("{}-{}-{:08x}", ModelOriginName(model.origin), count, Crc32c(Body(model)));
}

std::uint64_t CountOf(std::string_view version) {
  TakeUntil(version, '-');
  std::uint64_t count = 0;
  return ParseNumber(TakeUntil(version, '-'), count) ? count : 0;
}

std::string WriteModel(const LearnedModel& model) {
  std::string out = fmt::format("{} {}\n", kFirstWord, kModelFormat);
  out += fmt::format("version {}\nparent {}\norigin {}\nowner {}\nmade_us {}\nqueries {}\n",
                     OneLine(model.version()), OneLine(model.parent), ModelOriginName(model.origin),
                     OneLine(model.owner), model.made_us, model.queries);
  out += Body(model);
  out += fmt::format("{} {:08x}\n", kLastWord, Crc32c(out));
  return out;
}

Result<LearnedModel> ReadModel(std::string_view text) {
  if (text.size() > kModelTextMax)
    return Refused(fmt::format("it has {} bytes, more than any model", text.size()));
  std::string_view rest = text;
  std::string_view first = TakeUntil(rest, '\n');
  if (TakeUntil(first, ' ') != kFirstWord) return Refused("it is no cost model");
  int format = 0;
  if (!ParseNumber(first, format) || format != kModelFormat) {
    return Refused(
        fmt::format("it is of format \"{}\", and this version reads {}", first, kModelFormat));
  }
  const std::string mark = "\n" + std::string(kLastWord) + " ";
  const auto last = text.rfind(mark);
  std::uint32_t sum = 0;
  const bool has_sum =
      last != std::string_view::npos && text.ends_with('\n') &&
      ParseNumber(text.substr(last + mark.size(), text.size() - last - mark.size() - 1), sum, 16);
  if (!has_sum) return Refused("its end is missing");
  if (Crc32c(text.substr(0, last + 1)) != sum) return Refused("its checksum does not match");
  rest = rest.substr(0, rest.size() - (text.size() - last - 1));
  Reader reader;
  while (!rest.empty()) GRANARY_TRY(reader.Line(TakeUntil(rest, '\n')));
  return reader.Finish();
}

}  // namespace granary::query

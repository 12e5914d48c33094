#include "bench_queries.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <utility>

namespace granary::bench {
namespace {

using query::Filter;
using query::Operator;

Literal Number(std::int64_t value) {
  return {Literal::Kind::kNumber, false, std::to_string(value), {}};
}
Literal Text(std::string text) { return {Literal::Kind::kString, false, std::move(text), {}}; }

Filter Where(std::string column, Operator op, Literal literal) {
  Filter filter;
  filter.kind = Filter::Kind::kCompare;
  filter.column = std::move(column);
  filter.op = op;
  filter.literal = std::move(literal);
  return filter;
}

class Generator {
 public:
  Generator(const BenchSource& source, std::uint64_t seed) : source_(source), random_(seed) {}

  query::SearchRequest Next() {
    query::SearchRequest request;
    const std::size_t conditions = 1 + Below(3);
    Filter filter;
    filter.kind = Below(10) == 0 ? Filter::Kind::kOr : Filter::Kind::kAnd;
    std::vector<std::int64_t> kinds = {0, 1, 2, 3, 4, 5, 6};
    std::shuffle(kinds.begin(), kinds.end(), random_);
    for (std::size_t i = 0; i < conditions; ++i) AddCondition(kinds[i], filter.children);
    request.filter = std::move(filter);
    request.columns = {"id"};
    for (const char* column : {"amount", "customer", "note", "day"}) {
      if (Below(2) == 0) request.columns.emplace_back(column);
    }
    request.limit = std::nullopt;
    if (Below(8) == 0) request.limit = Below(2) == 0 ? 10 : 200;
    return request;
  }

 private:
  std::uint64_t Below(std::uint64_t most) { return random_() % most; }
  std::int64_t Upto(std::int64_t most) {
    return static_cast<std::int64_t>(Below(static_cast<std::uint64_t>(most)));
  }
  double Chance() { return std::uniform_real_distribution(0.0, 1.0)(random_); }
  /// From one to `most`, every order of magnitude as often.
  std::int64_t Width(std::int64_t most) {
    return static_cast<std::int64_t>(std::exp(Chance() * std::log(static_cast<double>(most))));
  }

  void AddRange(const std::string& column, std::int64_t most, std::vector<Filter>& out) {
    const std::int64_t width = Width(most), low = Upto(std::max<std::int64_t>(most - width, 1));
    // Between two ends, so that a disjunction has it as one part.
    Literal both{Literal::Kind::kList, false, {}, {Number(low), Number(low + width)}};
    out.push_back(Where(column, Operator::kBetween, std::move(both)));
  }

  void AddCondition(std::int64_t kind, std::vector<Filter>& out) {
    switch (kind) {
      case 0:
        out.push_back(
            Where("customer", Operator::kEq, Text(CustomerName(Skewed(Chance(), kCustomers)))));
        return;
      case 1: {
        const std::int64_t postcode = Upto(kPostcodes);
        out.push_back(Where("postcode", Operator::kEq, Text(PostcodeName(postcode))));
        if (Below(2) == 0) {
          out.push_back(
              Where("city", Operator::kEq, Text(CityName(postcode * kCities / kPostcodes))));
        }
        return;
      }
      case 2: out.push_back(Where("city", Operator::kEq, Text(CityName(Upto(kCities))))); return;
      case 3: AddRange("amount", kAmounts, out); return;
      case 4: AddRange("day", source_.days(), out); return;
      case 5:
        out.push_back(
            Where("status", Operator::kEq, Text(StatusName(Skewed(Chance(), kStatuses)))));
        return;
      default: {
        Literal names{Literal::Kind::kList, false, {}, {}};
        const std::int64_t count = 1 + Upto(6);
        for (std::int64_t i = 0; i < count; ++i)
          names.items.push_back(Text(CustomerName(Skewed(Chance(), kCustomers))));
        out.push_back(Where("customer", Operator::kIn, std::move(names)));
      }
    }
  }

  const BenchSource& source_;
  std::mt19937_64 random_;
};

}  // namespace

std::vector<query::SearchRequest> BenchQueries(const BenchSource& source, std::size_t count,
                                               std::uint64_t seed) {
  Generator generator(source, seed);
  std::vector<query::SearchRequest> queries;
  for (std::size_t i = 0; i < count; ++i) queries.push_back(generator.Next());
  return queries;
}

}  // namespace granary::bench

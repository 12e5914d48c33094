// LearnedModel: a cost model with where it comes from: a value that is kept, replayed and undone.
//
// Shape      one text, docs/formats/cost_model.md: a line for what it is, one a price, one a
//            predicate shape, and the CRC-32C of all before it at the end.
// Promise    Read gives back what Write was given, to the last bit, or says in one sentence why the
//            text is not to be trusted: a checksum, a format or name that this version does not
//            know, a price that is none.
// Threads    values and pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/learning/shape_table.h"
#include "granary/query/optimizer/cost_model.h"

namespace granary::query {

inline constexpr int kModelFormat = 1;
inline constexpr std::size_t kModelTextMax = 1u << 20;
inline constexpr std::size_t kModelNameMax = 128;

/// "builtin", "calibrated", "learned", "engine": of a CBO Engine.
enum class ModelOrigin : std::uint8_t { kBuiltin, kCalibrated, kLearned, kEngine };
std::string_view ModelOriginName(ModelOrigin origin);

struct LearnedModel {
  CostModel costs;     ///< Its version is the model's.
  std::string parent;  ///< The version that it was learned on top of; empty: none.
  ModelOrigin origin = ModelOrigin::kBuiltin;
  std::string owner;          ///< Whose work it was learned from: a tenant, or "cbo-engine".
  std::int64_t made_us = 0;   ///< Since the Unix epoch.
  std::uint64_t queries = 0;  ///< That it was learned from.
  std::vector<ShapeRatios> shapes;

  const std::string& version() const { return costs.version; }
};

/// "learned-17-9f3a0c21": the origin, the count of its line, and a checksum of what it says.
std::string VersionOf(const LearnedModel& model, std::uint64_t count);
/// The count in such a version; 0 when there is none.
std::uint64_t CountOf(std::string_view version);

std::string WriteModel(const LearnedModel& model);
/// kCorruption.
Result<LearnedModel> ReadModel(std::string_view text);

}  // namespace granary::query

// query::PlanFacts as JSON, both ways: what a plan was, or is to be, chosen from.
//
// Errors     kInvalidRequest with the pointer of what is wrong; facts that contradict themselves
//            (query::AreSound) at the pointer of the whole.
// Threads    pure functions.
#pragma once

#include <string>

#include "granary/api/json_node.h"
#include "granary/base/status.h"
#include "granary/query/optimizer/plan_facts.h"

namespace granary::api {

void AppendFacts(const query::PlanFacts& facts, std::string& out);
Result<query::PlanFacts> ReadFacts(const JsonNode& node, const std::string& pointer);

/// {"chunk_ns": 12, …}: those of which there is some.
void AppendWork(const query::Work& work, std::string& out);
/// An unknown unit is refused by its name.
Result<query::Work> ReadWork(const JsonNode& node, const std::string& pointer);

/// "scan", "metadata", "first", "pages", "combined", "single-0", …
std::string WayText(query::Way way);
Result<query::Way> ReadWay(const std::string& text, const std::string& pointer);
Result<query::AccessPath> ReadPath(const std::string& text, const std::string& pointer);

}  // namespace granary::api

// Records of a write without a part of their primary key: refused, or left out and told, as other
// wrong records.
//
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/json/record_parser.h"

namespace granary {

/// Where a record's field stands in the request.
using FieldPointer = std::function<std::string(std::int64_t record, const std::string& column)>;

/// `first` is the place of the first record of what was parsed, the wrong ones counted. With
/// `rejected`, which has those that are wrong already, the records are taken out of the batch and
/// put there; else kInvalidRecord with the pointer of each, json::kRecordErrorsMax at most.
Status TakeOutNullKeys(const std::vector<std::string>& key, std::int64_t first,
                       const FieldPointer& pointer, json::ParsedRecords& parsed,
                       json::RejectedRecords* rejected);

}  // namespace granary

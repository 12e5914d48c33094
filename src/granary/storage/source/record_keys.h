// RecordKeys: the primary keys of rows, each as 128 bits.
//
// Equal      values are equal as searches compare them: -0.0 is 0.0, NaN is itself, strings go by
//            bytes. Two different keys are taken for one with a chance of 2^-128 a pair; whoever
//            wants to make such a pair replaces records of his own.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/hash.h"
#include "granary/base/status.h"
#include "granary/types/schema.h"

namespace granary::storage {

struct DigestHash {
  std::size_t operator()(const Digest128& digest) const { return digest.low; }
};

/// One a row; `columns` are those of the key, in its order, plain or as codes of a dictionary.
Result<std::vector<Digest128>> KeysOf(const arrow::ArrayVector& columns);

/// The key's columns of a batch in `schema`'s columns. kInternal when one is missing.
Result<arrow::ArrayVector> KeyColumnsOf(const arrow::RecordBatch& batch, const Schema& schema,
                                        const std::vector<ColumnId>& key);

/// What is said of a record without this part of its key.
std::string MissingKeyText(const std::string& column);

/// kInvalidRecord at /<row>/<column> for the first record without a part of its key.
Status CheckKeyIsThere(const arrow::RecordBatch& batch, const Schema& schema,
                       const std::vector<ColumnId>& key);

}  // namespace granary::storage

// SampleRows: passes the values of an array that are not null by a ValueSample.
#pragma once

#include <cstdint>

#include <arrow/array.h>
#include <arrow/util/bit_run_reader.h>

#include "granary/storage/stats/value_sample.h"

namespace granary::storage {

/// Calls `pass(row)` once for each run of rows that are not null, with its first row and length.
template <typename Pass>
void VisitValidRuns(const arrow::Array& rows, const Pass& pass) {
  const auto& data = *rows.data();
  if (data.length == 0) return;
  if (rows.null_count() == 0) return pass(std::int64_t{0}, data.length);
  if (rows.null_count() == data.length) return;
  arrow::internal::VisitSetBitRunsVoid(data.buffers[0]->data(), data.offset, data.length, pass);
}

/// `reader(values)` gives a function that reads the value at a row of `values`, which are `rows`
/// themselves or their dictionary.
template <typename T, typename Reader>
void SampleRows(const arrow::Array& rows, ValueSample<T>& sample, const Reader& reader) {
  sample.Expect(static_cast<std::uint64_t>(rows.length() - rows.null_count()));
  if (rows.type_id() != arrow::Type::DICTIONARY) {
    const auto read = reader(rows);
    VisitValidRuns(rows, [&](std::int64_t start, std::int64_t length) {
      sample.Pass(static_cast<std::uint64_t>(length),
                  [&](std::uint64_t i) { return read(start + static_cast<std::int64_t>(i)); });
    });
    return;
  }
  const auto& coded = static_cast<const arrow::DictionaryArray&>(rows);
  const arrow::Array& dictionary = *coded.dictionary();
  const auto read = reader(dictionary);
  const bool has_null_entry = dictionary.null_count() > 0;
  VisitValidRuns(rows, [&](std::int64_t start, std::int64_t length) {
    const auto at = [&](std::uint64_t i) {
      return read(coded.GetValueIndex(start + static_cast<std::int64_t>(i)));
    };
    if (!has_null_entry) return sample.Pass(static_cast<std::uint64_t>(length), at);
    for (std::int64_t i = 0; i < length; ++i) {
      if (dictionary.IsNull(coded.GetValueIndex(start + i))) continue;
      sample.Pass(1, [&](std::uint64_t) { return at(static_cast<std::uint64_t>(i)); });
    }
  });
}

}  // namespace granary::storage

// The fixture of the tests of compaction: sources of many small files.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "granary/storage/source/live_source.h"
#include "granary/storage/source/store_test_support.h"

namespace granary::storage {

class StoreCompactTest : public StoreTest {
 protected:
  StoreCompactTest() { options_.compaction.automatic = false; }

  // A segment for each.
  void WriteFiles(Source& source, int count, int rows_each = 1) {
    for (int i = 0; i < count; ++i) {
      std::vector<TestRow> rows;
      for (int n = 0; n < rows_each; ++n, ++next_id_) {
        rows.push_back(Row(next_id_, fmt::format("p{}", next_id_ % 3),
                           fmt::format("v{:05}", next_id_ * 7919 % 10'007)));
      }
      Write(source, rows);
      Flush(source);
    }
  }
  static std::size_t Files(const Source& source) { return ParquetFiles(source.folder()).size(); }
  static LiveSource& Live(const std::shared_ptr<Source>& source) {
    return static_cast<LiveSource&>(*source);
  }

  std::int64_t next_id_ = 1;
};

}  // namespace granary::storage

// IndexBuilder: collects a column's values as its segment is written (or read again), then writes
// the index file.
//
// Memory     16 bytes a value, 24 and the key for strings and decimals.
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/io/file_system.h"
#include "granary/storage/index/index_meta.h"

namespace granary::storage {

class IndexFileWriter;
struct IndexFooterLayout;

class IndexBuilder {
 public:
  /// `type` is indexable.
  static std::unique_ptr<IndexBuilder> Make(IndexKey key, const DataType& type);
  virtual ~IndexBuilder() = default;

  const IndexKey& key() const { return key_; }
  /// The next rows of the segment, in its order.
  void Add(const arrow::Array& values);
  /// Writes the file beside the segment at `segment_path`: all is synced when it returns.
  Result<IndexMeta> Write(io::FileSystem& files, const std::string& directory,
                          const std::string& segment_path, SegmentId segment);

 protected:
  explicit IndexBuilder(IndexKey key) : key_(key) {}

 private:
  virtual void Collect(const arrow::Array& values, std::uint32_t first_row) = 0;
  virtual Status WriteBlocks(IndexFileWriter& out, IndexFooterLayout& footer) = 0;

  const IndexKey key_;
  std::uint64_t rows_ = 0;
};

}  // namespace granary::storage

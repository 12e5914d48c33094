// Segment: a live Parquet file of a source, opened when first read.
//
// Threads    fully safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "granary/base/status.h"
#include "granary/io/file_system.h"
#include "granary/storage/segment/segment_meta.h"
#include "granary/storage/segment/segment_reader.h"

namespace granary::storage {

/// Keeps at most `open_max` readers; the least recently used one is let go (queries that hold it go
/// on).
class ReaderCache {
 public:
  explicit ReaderCache(std::size_t open_max);
  ~ReaderCache();

  using OpenFn = std::function<Result<std::shared_ptr<const SegmentReader>>()>;
  Result<std::shared_ptr<const SegmentReader>> Get(SegmentId id, const OpenFn& open);
  void Forget(SegmentId id);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Segment {
 public:
  Segment(io::FileSystem& files, ReaderCache& cache, std::string directory, SegmentMeta meta,
          SchemaPtr file_schema);

  const SegmentMeta& meta() const { return meta_; }
  const SchemaPtr& file_schema() const { return file_schema_; }
  Result<std::shared_ptr<const SegmentReader>> Reader() const;

 private:
  io::FileSystem& files_;
  ReaderCache& cache_;
  std::string directory_;
  SegmentMeta meta_;
  SchemaPtr file_schema_;
};

}  // namespace granary::storage

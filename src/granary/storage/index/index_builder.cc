#include "granary/storage/index/index_builder.h"

#include <arrow/array.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "granary/storage/index/bloom_filter.h"
#include "granary/storage/index/index_file_writer.h"
#include "granary/storage/index/index_key.h"
#include "granary/storage/index/row_key_sort.h"
#include "granary/storage/index/tree_writer.h"

namespace granary::storage {
namespace {

/// Hashes, and order keys of 8 bytes.
class NumberIndexBuilder final : public IndexBuilder {
 public:
  NumberIndexBuilder(IndexKey key, KeyForm form) : IndexBuilder(key), form_(form) {}

 private:
  void Collect(const arrow::Array& values, std::uint32_t first_row) override {
    if (key().kind == IndexKind::kHash)
      AppendHashes(values, first_row, keys_);
    else
      AppendNumbers(values, first_row, keys_);
  }

  Status WriteBlocks(IndexFileWriter& out, IndexFooterLayout& footer) override {
    footer.key_form = static_cast<std::uint8_t>(form_);
    SortRowKeys(keys_);
    TreeWriter tree(out);
    std::string key;
    for (const RowKey& each : keys_) {
      key.clear();
      AppendHashKey(each.key, key);
      GRANARY_TRY(tree.Add(key, each.row));
    }
    return tree.Finish(footer);
  }

  const KeyForm form_;
  std::vector<RowKey> keys_;
};

class BytesIndexBuilder final : public IndexBuilder {
 public:
  BytesIndexBuilder(IndexKey key, KeyForm form) : IndexBuilder(key), form_(form) {}

 private:
  void Collect(const arrow::Array& values, std::uint32_t first_row) override {
    keys_.Append(values, first_row);
  }

  Status WriteBlocks(IndexFileWriter& out, IndexFooterLayout& footer) override {
    footer.key_form = static_cast<std::uint8_t>(form_);
    footer.keys_cut = keys_.cut ? 1 : 0;
    keys_.Sort();
    TreeWriter tree(out);
    for (const BytesKeys::Entry& each : keys_.entries)
      GRANARY_TRY(tree.Add(keys_.KeyOf(each), each.row));
    return tree.Finish(footer);
  }

  const KeyForm form_;
  BytesKeys keys_;
};

class BloomIndexBuilder final : public IndexBuilder {
 public:
  BloomIndexBuilder(IndexKey key, KeyForm form) : IndexBuilder(key), form_(form) {}

 private:
  void Collect(const arrow::Array& values, std::uint32_t first_row) override {
    AppendHashes(values, first_row, hashes_);
  }

  Status WriteBlocks(IndexFileWriter& out, IndexFooterLayout& footer) override {
    footer.key_form = static_cast<std::uint8_t>(form_);
    footer.entries = hashes_.size();
    SortRowKeys(hashes_);
    const auto same_key = [](const RowKey& a, const RowKey& b) { return a.key == b.key; };
    hashes_.erase(std::unique(hashes_.begin(), hashes_.end(), same_key), hashes_.end());
    footer.keys = hashes_.size();
    const std::uint64_t buckets = BloomBuckets(footer.keys);
    std::string bits(buckets * kBloomBucketBytes, '\0');
    for (const RowKey& hash : hashes_) {
      BloomAdd(hash.key, bits.data() + BloomBucketOf(hash.key, buckets) * kBloomBucketBytes);
    }
    for (std::size_t at = 0; at < bits.size(); at += kIndexBlockBytes) {
      std::string block = bits.substr(at, kIndexBlockBytes);
      SealBlock(block);
      GRANARY_TRY(out.Append(block));
    }
    return Status::Ok();
  }

  const KeyForm form_;
  std::vector<RowKey> hashes_;
};

}  // namespace

std::unique_ptr<IndexBuilder> IndexBuilder::Make(IndexKey key, const DataType& type) {
  const KeyForm form = KeyFormOf(type);
  if (key.kind == IndexKind::kBloom) return std::make_unique<BloomIndexBuilder>(key, form);
  const bool is_long = form == KeyForm::kBytes || form == KeyForm::kDecimal;
  if (key.kind == IndexKind::kBtree && is_long)
    return std::make_unique<BytesIndexBuilder>(key, form);
  return std::make_unique<NumberIndexBuilder>(key, form);
}

void IndexBuilder::Add(const arrow::Array& values) {
  Collect(values, static_cast<std::uint32_t>(rows_));
  rows_ += static_cast<std::uint64_t>(values.length());
}

Result<IndexMeta> IndexBuilder::Write(io::FileSystem& files, const std::string& directory,
                                      const std::string& segment_path, SegmentId segment) {
  if (rows_ > std::numeric_limits<std::uint32_t>::max())
    return Status::Unsupported("an index over more than 4,294,967,295 rows");
  GRANARY_ASSIGN(
      const auto out,
      IndexFileWriter::Create(files, io::JoinPath(directory, IndexPath(segment_path, key_))));
  IndexFooterLayout footer{};
  footer.kind = static_cast<std::uint8_t>(key_.kind);
  footer.column = key_.column;
  footer.segment = segment.value;
  footer.rows = rows_;
  GRANARY_TRY(WriteBlocks(*out, footer));
  GRANARY_TRY(out->Finish(footer));
  return IndexMeta{key_, out->position(), out->footer_crc()};
}

}  // namespace granary::storage

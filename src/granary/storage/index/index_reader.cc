#include "granary/storage/index/index_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "granary/storage/index/bloom_filter.h"
#include "granary/storage/stats/value_hash.h"

namespace granary::storage {
namespace {

constexpr std::size_t kBloomBlockBytes = kIndexBlockBytes + sizeof(std::uint32_t);

/// Exactly so many bytes.
Result<std::string> ReadBytes(const io::RandomAccessFile& file, std::uint64_t offset,
                              std::uint64_t bytes) {
  std::string out(bytes, '\0');
  GRANARY_ASSIGN(const std::size_t got, file.ReadAt(offset, out));
  if (got != bytes) return Status::Corruption(fmt::format("ends before byte {}", offset + bytes));
  return out;
}

Result<IndexBlock> ReadBlock(const io::RandomAccessFile& file, std::uint64_t offset,
                             std::uint64_t bytes, BlockRole role) {
  if (bytes > kIndexBlockMaxBytes)
    return Status::Corruption(fmt::format("a block of {} bytes at byte {}", bytes, offset));
  GRANARY_ASSIGN(std::string block, ReadBytes(file, offset, bytes));
  const auto payload = OpenBlock(block);
  if (!payload.ok()) return payload.status().At(fmt::format("byte {}", offset));
  block.resize(payload->size());
  if (role == BlockRole::kBits) return IndexBlock::Bits(std::move(block));
  auto tree = IndexBlock::Tree(std::move(block), role);
  if (!tree.ok()) return tree.status().At(fmt::format("the block at byte {}", offset));
  return tree;
}

Result<IndexFooterLayout> ReadFooter(const io::RandomAccessFile& file) {
  if (file.size() < sizeof(IndexFooterLayout)) return Status::Corruption("shorter than a footer");
  const std::uint64_t at = file.size() - sizeof(IndexFooterLayout);
  GRANARY_ASSIGN(const std::string bytes, ReadBytes(file, at, sizeof(IndexFooterLayout)));
  GRANARY_ASSIGN(const IndexFooterLayout footer, DecodeIndexFooter(bytes));
  if (footer.blocks_bytes != at)
    return Status::Corruption(
        fmt::format("{} bytes of blocks, expected {}", at, footer.blocks_bytes));
  return footer;
}

std::string OrderKeyOf(const Value& value) {
  std::string key;
  AppendOrderKey(value, key);
  return key;
}

std::string KeyText(std::string_view key) {
  const bool printable = !key.empty() && std::all_of(key.begin(), key.end(),
                                                     [](char c) { return c >= ' ' && c <= '~'; });
  if (printable) return fmt::format("\"{}\"", key);
  std::string hex;
  for (const char c : key) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

/// Every block of a bloom filter.
Status CheckBloom(const io::RandomAccessFile& file, const IndexFooterLayout& footer) {
  const std::uint64_t bits = BloomBuckets(footer.keys) * kBloomBucketBytes;
  const std::uint64_t blocks = (bits + kIndexBlockBytes - 1) / kIndexBlockBytes;
  if (footer.blocks_bytes != bits + blocks * sizeof(std::uint32_t))
    return Status::Corruption("a bloom filter of another size");
  for (std::uint64_t at = 0; at < footer.blocks_bytes; at += kBloomBlockBytes) {
    const auto bytes = std::min<std::uint64_t>(kBloomBlockBytes, footer.blocks_bytes - at);
    GRANARY_TRY(ReadBlock(file, at, bytes, BlockRole::kBits).status());
  }
  return Status::Ok();
}

/// Every block of a tree, and that its keys ascend from block to block and its rows and keys add
/// up.
Status CheckTreeOf(const io::RandomAccessFile& file, const IndexFooterLayout& footer,
                   const KeyVisitor& also) {
  std::uint64_t entries = 0, keys = 0, bytes = 0;
  std::string before;
  bool ascends = true;
  const BlockFn block = [&](std::uint64_t offset, std::uint64_t size,
                            BlockRole role) -> Result<BlockCache::Block> {
    bytes += size;
    GRANARY_ASSIGN(IndexBlock read, ReadBlock(file, offset, size, role));
    return std::make_shared<const IndexBlock>(std::move(read));
  };
  GRANARY_TRY(
      CheckTree(footer, block, [&](std::string_view key, std::span<const std::uint32_t> rows) {
        if (keys == 0 || key != before) ++keys;
        ascends = ascends && (entries == 0 || before <= key);
        before = key;
        entries += rows.size();
        return also(key, rows);
      }));
  if (!ascends) return Status::Corruption("its keys do not ascend");
  if (entries != footer.entries || keys != footer.keys || bytes != footer.blocks_bytes) {
    return Status::Corruption(fmt::format("{} keys of {} rows, expected {} of {}", keys, entries,
                                          footer.keys, footer.entries));
  }
  return Status::Ok();
}

}  // namespace

bool FoundRows::Add(std::span<const std::uint32_t> more) {
  too_many = rows.size() + more.size() > max;
  if (too_many && !keeps_first) return false;
  if (too_many) more = more.first(max - rows.size());
  rows.insert(rows.end(), more.begin(), more.end());
  return !too_many;
}

IndexReader::IndexReader(std::string path, IndexMeta meta, IndexFooterLayout footer,
                         std::unique_ptr<io::RandomAccessFile> file, BlockCache& cache)
    : path_(std::move(path)),
      meta_(meta),
      footer_(footer),
      file_(std::move(file)),
      cache_(cache),
      cache_file_(cache.NewFile()) {}

IndexReader::~IndexReader() = default;

Result<std::shared_ptr<const IndexReader>> IndexReader::Open(io::FileSystem& files,
                                                             const std::string& directory,
                                                             const std::string& segment_path,
                                                             const IndexMeta& meta,
                                                             SegmentId segment, BlockCache& cache) {
  std::string path = io::JoinPath(directory, IndexPath(segment_path, meta.key));
  auto file = files.OpenForRead(path);
  if (!file.ok()) {
    if (file.status().code() != Code::kNotFound) return file.status();
    return Status::Corruption(fmt::format("{}: is gone", path));
  }
  const auto footer = ReadFooter(**file);
  if (!footer.ok()) return footer.status().At(path);
  const bool is_it = footer->crc == meta.footer_crc && footer->segment == segment.value &&
                     footer->column == meta.key.column &&
                     footer->kind == static_cast<std::uint8_t>(meta.key.kind);
  if (!is_it)
    return Status::Corruption(fmt::format("{}: is another index than the one committed", path));
  return std::shared_ptr<const IndexReader>(
      new IndexReader(std::move(path), meta, *footer, file.Take(), cache));
}

Result<BlockCache::Block> IndexReader::Block(std::uint64_t offset, std::uint64_t bytes,
                                             BlockRole role) const {
  auto block =
      cache_.Get(cache_file_, offset, [&] { return ReadBlock(*file_, offset, bytes, role); });
  if (!block.ok()) return block.status().At(path_);
  return block;
}

Status IndexReader::Visit(const KeyRange& range, KeyOrder order, const KeyVisitor& visit) const {
  const Status visited = VisitTree(
      footer_,
      [this](std::uint64_t offset, std::uint64_t bytes, BlockRole role) {
        return Block(offset, bytes, role);
      },
      range, order,
      [&](std::string_view key, std::span<const std::uint32_t> rows) { return visit(key, rows); });
  return visited.ok() ? visited : visited.At(path_);
}

Status IndexReader::FindEqual(const Value& value, FoundRows& found) const {
  KeyRange range;
  if (meta_.key.kind == IndexKind::kHash) {
    range.low.emplace();
    AppendHashKey(value, *range.low);
  } else {
    range.low = OrderKeyOf(value);
  }
  range.high = range.low;
  return Visit(
      range, KeyOrder::kAscending,
      [&](std::string_view, std::span<const std::uint32_t> rows) { return found.Add(rows); });
}

Status IndexReader::FindRange(const std::optional<Value>& low, const std::optional<Value>& high,
                              FoundRows& found) const {
  KeyRange range;
  if (low) range.low = OrderKeyOf(*low);
  if (high) range.high = OrderKeyOf(*high);
  return Visit(
      range, KeyOrder::kAscending,
      [&](std::string_view, std::span<const std::uint32_t> rows) { return found.Add(rows); });
}

Status IndexReader::FindPrefix(std::string_view prefix, FoundRows& found) const {
  return Visit(
      PrefixRange(prefix), KeyOrder::kAscending,
      [&](std::string_view, std::span<const std::uint32_t> rows) { return found.Add(rows); });
}

Result<bool> IndexReader::FindFirst(KeyOrder order, std::size_t count, FoundRows& found) const {
  // Keys that were cut still come in the order of their values; those that share one tie.
  if (footer_.entries < count || count == 0) return false;
  std::string last;
  GRANARY_TRY(Visit({}, order, [&](std::string_view key, std::span<const std::uint32_t> rows) {
    if (found.rows.size() >= count && key != last) return false;
    last = key;
    return found.Add(rows);
  }));
  if (!found.too_many && found.rows.size() < count) {
    return Status::Corruption(fmt::format("{}: {} rows, of {} that its footer tells of", path_,
                                          found.rows.size(), footer_.entries));
  }
  return !found.too_many;
}

Result<bool> IndexReader::MayContain(const Value& value) const {
  if (footer_.keys == 0) return false;
  const std::uint64_t hash = HashValue(value);
  const std::uint64_t at = BloomBucketOf(hash, BloomBuckets(footer_.keys)) * kBloomBucketBytes;
  const std::uint64_t offset = at / kIndexBlockBytes * kBloomBlockBytes;
  if (offset >= footer_.blocks_bytes)
    return Status::Corruption(fmt::format("{}: a bloom filter of another size", path_));
  const auto bytes = std::min<std::uint64_t>(kBloomBlockBytes, footer_.blocks_bytes - offset);
  GRANARY_ASSIGN(const auto block, Block(offset, bytes, BlockRole::kBits));
  const std::size_t in_block = at % kIndexBlockBytes;
  if (in_block + kBloomBucketBytes > block->payload().size())
    return Status::Corruption(fmt::format("{}: a bloom filter of another size", path_));
  return BloomMayContain(hash, block->payload().data() + in_block);
}

Status IndexReader::Verify() const {
  const Status checked =
      meta_.key.kind == IndexKind::kBloom
          ? CheckBloom(*file_, footer_)
          : CheckTreeOf(*file_, footer_,
                        [](std::string_view, std::span<const std::uint32_t>) { return true; });
  return checked.ok() ? checked : checked.At(path_);
}

Status DumpIndex(io::FileSystem& files, const std::string& path, std::string& out) {
  GRANARY_ASSIGN(const auto file, files.OpenForRead(path));
  const auto footer = ReadFooter(*file);
  if (!footer.ok()) return footer.status().At(path);
  const auto kind = static_cast<IndexKind>(footer->kind);
  out += fmt::format("{}: {} index over column {} of segment {}\n", path, IndexKindName(kind),
                     footer->column, footer->segment);
  out += fmt::format("{} keys of {} of {} rows, {} levels, {} bytes\n", footer->keys,
                     footer->entries, footer->rows, footer->levels, file->size());
  if (kind == IndexKind::kBloom) {
    const Status checked = CheckBloom(*file, *footer);
    return checked.ok() ? checked : checked.At(path);
  }
  const Status checked =
      CheckTreeOf(*file, *footer, [&](std::string_view key, std::span<const std::uint32_t> rows) {
        out += fmt::format("{}  {}\n", KeyText(key), fmt::join(rows, " "));
        return true;
      });
  return checked.ok() ? checked : checked.At(path);
}

}  // namespace granary::storage

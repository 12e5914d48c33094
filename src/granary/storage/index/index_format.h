// The bytes of an index file; for people: docs/formats/index.md.
//
//   block … block | footer
//
// A block is its payload and a CRC-32C of it. A tree has leaves first, in order of their keys, then
// each level above, the root last: a block only ever points to blocks before it. A bloom filter is
// one run of blocks of bits. The footer has a length of its own and a checksum, and the manifest
// keeps both the file's size and that checksum, so another file is never taken for this one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/storage/index/index_key.h"
#include "granary/storage/index/index_kind.h"
#include "granary/types/schema.h"

namespace granary::storage {

inline constexpr std::string_view kIndexMagic = "GRANIDX\n";
inline constexpr std::uint32_t kIndexFormatVersion = 1;
/// A block is ended by the entry that makes it this long: one disk page, one read.
inline constexpr std::size_t kIndexBlockBytes = 4096;
/// No reader believes in a larger block. An entry holds a key and kEntryRowsMax rows at most.
inline constexpr std::size_t kIndexBlockMaxBytes = 4 * kIndexBlockBytes;
/// Rows under one entry; a key with more has several entries.
inline constexpr std::size_t kEntryRowsMax = 512;
inline constexpr int kIndexLevelsMax = 16;

struct IndexFooterLayout {
  char magic[8];
  std::uint32_t format_version;
  std::uint8_t kind;         // IndexKind
  std::uint8_t key_form;     // KeyForm
  std::uint8_t keys_cut;     // 1 when some key is shorter than its value
  std::uint8_t levels;       // of the tree; 0 without keys, and for a bloom filter
  std::int32_t column;       // ColumnId
  std::uint32_t root_bytes;  // with its checksum
  std::uint64_t root_offset;
  std::uint64_t segment;       // SegmentId
  std::uint64_t rows;          // of the segment
  std::uint64_t entries;       // rows that have a key
  std::uint64_t keys;          // different ones
  std::uint64_t blocks_bytes;  // everything before this footer
  std::uint32_t reserved;      // 0
  std::uint32_t crc;           // of all before
};
static_assert(std::has_unique_object_representations_v<IndexFooterLayout>);
static_assert(sizeof(IndexFooterLayout) == 80);
static_assert(offsetof(IndexFooterLayout, root_offset) == 24);
static_assert(offsetof(IndexFooterLayout, crc) == 76);

void EncodeIndexFooter(IndexFooterLayout footer, std::string& out);
/// kCorruption; kConflict for a newer format.
Result<IndexFooterLayout> DecodeIndexFooter(std::string_view bytes);

/// The checksum in an encoded footer.
std::uint32_t IndexFooterCrc(std::string_view bytes);

/// Ends a block: its payload gets the checksum.
void SealBlock(std::string& payload);
/// The payload. kCorruption when the checksum does not match.
Result<std::string_view> OpenBlock(std::string_view block);

void PutVarint(std::uint64_t value, std::string& out);

/// Entries of a tree block, one after the other, each key with what it shares with the one before
/// left out.
class BlockBuilder {
 public:
  bool empty() const { return payload_.empty(); }
  std::size_t bytes() const { return payload_.size(); }
  const std::string& first_key() const { return first_key_; }

  /// A leaf's entry; `rows` ascending, at most kEntryRowsMax.
  void AddRows(std::string_view key, const std::uint32_t* rows, std::size_t count);
  /// An inner block's: the first key of a block below, and where that is.
  void AddChild(std::string_view key, std::uint64_t offset, std::uint64_t bytes);
  /// The sealed block; starts anew.
  std::string Take();

 private:
  char* BeginEntry(std::string_view key, std::size_t more);
  void EndEntry(const char* end);

  std::string payload_;
  std::string first_key_;
  std::string last_key_;
};

/// Reads what BlockBuilder wrote, trusting no length. False for what it would not have written:
/// keys that go down, rows that do not go up.
class BlockCursor {
 public:
  explicit BlockCursor(std::string_view payload)
      : at_(payload.data()), end_(payload.data() + payload.size()) {}
  /// Amid a block: behind `key` of an entry, whose rows or child follow; NextKey gives `key`. It is
  /// one that a cursor gave.
  BlockCursor(std::string_view rest, std::string_view key);

  bool done() const { return at_ == end_ && !has_key_; }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }
  /// Reads the next key; then one of the three below must follow.
  bool NextKey();
  bool NextRows(std::vector<std::uint32_t>& rows);
  bool SkipRows();
  bool NextChild(std::uint64_t& offset, std::uint64_t& bytes);
  std::string_view key() const { return {key_, key_bytes_}; }

 private:
  bool Varint(std::uint64_t& value);
  template <typename Take>
  bool EachRow(const Take& take);

  const char* at_;
  const char* end_;
  bool has_key_ = false;  ///< The key of the entry that follows is in key_ already.
  std::size_t key_bytes_ = 0;
  char key_[kIndexKeyMaxBytes];
};

}  // namespace granary::storage

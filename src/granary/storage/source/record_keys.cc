#include "granary/storage/source/record_keys.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "granary/base/bytes.h"
#include "granary/storage/manifest/findings.h"

namespace granary::storage {
namespace {

/// Appends a row's value of one column. Where a value ends is told by its type or its length.
class KeyPart {
 public:
  virtual ~KeyPart() = default;
  virtual void Append(std::int64_t row, std::string& out) const = 0;
};

class FixedPart final : public KeyPart {
 public:
  FixedPart(const arrow::Array& array, std::int64_t width)
      : values_(array.data()->GetValues<std::uint8_t>(1, array.offset() * width)), width_(width) {}
  void Append(std::int64_t row, std::string& out) const override {
    out.append(reinterpret_cast<const char*>(values_ + row * width_),
               static_cast<std::size_t>(width_));
  }

 private:
  const std::uint8_t* values_;
  const std::int64_t width_;
};

class BoolPart final : public KeyPart {
 public:
  explicit BoolPart(const arrow::Array& array)
      : array_(static_cast<const arrow::BooleanArray&>(array)) {}
  void Append(std::int64_t row, std::string& out) const override {
    out.push_back(array_.Value(row) ? 1 : 0);
  }

 private:
  const arrow::BooleanArray& array_;
};

template <typename Array>
class FloatPart final : public KeyPart {
 public:
  explicit FloatPart(const arrow::Array& array) : array_(static_cast<const Array&>(array)) {}
  void Append(std::int64_t row, std::string& out) const override {
    auto value = array_.Value(row);
    if (value == 0) value = 0;
    if (std::isnan(value)) value = std::numeric_limits<decltype(value)>::quiet_NaN();
    PutFixed(out, value);
  }

 private:
  const Array& array_;
};

template <typename Array>
class BytesPart final : public KeyPart {
 public:
  explicit BytesPart(const arrow::Array& array) : array_(static_cast<const Array&>(array)) {}
  void Append(std::int64_t row, std::string& out) const override {
    PutString(out, array_.GetView(row));
  }

 private:
  const Array& array_;
};

Result<std::unique_ptr<KeyPart>> KeyPartOf(const arrow::Array& array);

class CodedPart final : public KeyPart {
 public:
  static Result<std::unique_ptr<KeyPart>> Make(const arrow::Array& array) {
    auto part = std::unique_ptr<CodedPart>(
        new CodedPart(static_cast<const arrow::DictionaryArray&>(array)));
    GRANARY_ASSIGN(part->entries_, KeyPartOf(*part->dictionary_));
    return std::unique_ptr<KeyPart>(std::move(part));
  }
  void Append(std::int64_t row, std::string& out) const override {
    entries_->Append(array_.GetValueIndex(row), out);
  }

 private:
  explicit CodedPart(const arrow::DictionaryArray& array)
      : array_(array), dictionary_(array.dictionary()) {}
  const arrow::DictionaryArray& array_;
  const std::shared_ptr<arrow::Array> dictionary_;
  std::unique_ptr<KeyPart> entries_;
};

Result<std::unique_ptr<KeyPart>> KeyPartOf(const arrow::Array& array) {
  using Part = std::unique_ptr<KeyPart>;
  switch (array.type_id()) {
    case arrow::Type::BOOL: return Part(std::make_unique<BoolPart>(array));
    case arrow::Type::FLOAT: return Part(std::make_unique<FloatPart<arrow::FloatArray>>(array));
    case arrow::Type::DOUBLE: return Part(std::make_unique<FloatPart<arrow::DoubleArray>>(array));
    case arrow::Type::STRING:
    case arrow::Type::BINARY: return Part(std::make_unique<BytesPart<arrow::BinaryArray>>(array));
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return Part(std::make_unique<BytesPart<arrow::LargeBinaryArray>>(array));
    case arrow::Type::DICTIONARY: return CodedPart::Make(array);
    default: break;
  }
  const int bits = array.type()->bit_width();
  if (bits <= 0 || bits % 8 != 0) {
    return Status::Internal(
        fmt::format("a column of type {} in a primary key", array.type()->ToString()));
  }
  return Part(std::make_unique<FixedPart>(array, bits / 8));
}

}  // namespace

Result<std::vector<Digest128>> KeysOf(const arrow::ArrayVector& columns) {
  std::vector<std::unique_ptr<KeyPart>> parts;
  for (const auto& column : columns) {
    GRANARY_ASSIGN(auto part, KeyPartOf(*column));
    parts.push_back(std::move(part));
  }
  const std::int64_t rows = columns.empty() ? 0 : columns.front()->length();
  std::vector<Digest128> keys;
  keys.reserve(static_cast<std::size_t>(rows));
  std::string bytes;
  for (std::int64_t row = 0; row < rows; ++row) {
    bytes.clear();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      // A null is no part of any key that was written, and like no other value.
      const bool is_null = columns[i]->IsNull(row);
      bytes.push_back(is_null ? 0 : 1);
      if (!is_null) parts[i]->Append(row, bytes);
    }
    keys.push_back(Hash128(bytes));
  }
  return keys;
}

Result<arrow::ArrayVector> KeyColumnsOf(const arrow::RecordBatch& batch, const Schema& schema,
                                        const std::vector<ColumnId>& key) {
  arrow::ArrayVector columns;
  for (const ColumnId id : key) {
    const int at = schema.IndexOfId(id);
    if (at < 0 || at >= batch.num_columns())
      return Status::Internal("a batch without a column of the primary key");
    columns.push_back(batch.column(at));
  }
  return columns;
}

std::string MissingKeyText(const std::string& column) {
  return fmt::format("\"{}\" is part of the primary key, which is NOT NULL: give it a value",
                     column);
}

Status CheckKeyIsThere(const arrow::RecordBatch& batch, const Schema& schema,
                       const std::vector<ColumnId>& key) {
  GRANARY_ASSIGN(const arrow::ArrayVector columns, KeyColumnsOf(batch, schema, key));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i]->null_count() == 0) continue;
    std::int64_t row = 0;
    while (!columns[i]->IsNull(row)) ++row;
    const std::string& name = schema.FindId(key[i])->name;
    return Status::Invalid(Code::kInvalidRecord, fmt::format("/{}/{}", row, PointerStep(name)),
                           MissingKeyText(name));
  }
  return Status::Ok();
}

}  // namespace granary::storage

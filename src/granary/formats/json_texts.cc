#include "granary/formats/json_texts.h"

#include <string>
#include <vector>

#include <arrow/api.h>
#include <fmt/format.h>

#include "granary/formats/plain_array.h"
#include "granary/json/batch_writer.h"

namespace granary::formats {
namespace {

/// Writes the values of one array.
class TextWriter {
 public:
  virtual ~TextWriter() = default;
  virtual void Append(std::int64_t row, std::string& out) const = 0;
};
using TextWriterPtr = std::unique_ptr<TextWriter>;

Result<TextWriterPtr> MakeWriter(const std::shared_ptr<arrow::Array>& array, int depth,
                                 arrow::MemoryPool* pool);

class PlainWriter final : public TextWriter {
 public:
  PlainWriter(std::shared_ptr<arrow::Array> array, const DataType& type)
      : batch_(arrow::RecordBatch::Make(arrow::schema({arrow::field("", array->type())}),
                                        array->length(), {array})),
        writer_(std::vector<Column>{Column{0, "", type}}) {}
  void Append(std::int64_t row, std::string& out) const override {
    writer_.AppendValue(*batch_, 0, row, out);
  }

 private:
  const std::shared_ptr<arrow::RecordBatch> batch_;
  const json::BatchWriter writer_;
};

class StructWriter final : public TextWriter {
 public:
  StructWriter(std::shared_ptr<arrow::StructArray> array, std::vector<TextWriterPtr> members)
      : array_(std::move(array)), members_(std::move(members)) {
    for (const auto& field : array_->type()->fields()) {
      std::string key(keys_.empty() ? "" : ",");
      json::AppendString(field->name(), key);
      keys_.push_back(key + ":");
    }
  }
  void Append(std::int64_t row, std::string& out) const override {
    if (array_->IsNull(row)) {
      out.append("null");
      return;
    }
    out.push_back('{');
    for (std::size_t i = 0; i < members_.size(); ++i) {
      out.append(keys_[i]);
      members_[i]->Append(row, out);
    }
    out.push_back('}');
  }

 private:
  const std::shared_ptr<arrow::StructArray> array_;
  const std::vector<TextWriterPtr> members_;
  std::vector<std::string> keys_;
};

template <typename ListArray>
class ListWriter final : public TextWriter {
 public:
  ListWriter(std::shared_ptr<ListArray> array, TextWriterPtr element)
      : array_(std::move(array)), element_(std::move(element)) {}
  void Append(std::int64_t row, std::string& out) const override {
    if (array_->IsNull(row)) {
      out.append("null");
      return;
    }
    out.push_back('[');
    const std::int64_t begin = array_->value_offset(row), length = array_->value_length(row);
    for (std::int64_t i = 0; i < length; ++i) {
      if (i > 0) out.push_back(',');
      element_->Append(begin + i, out);
    }
    out.push_back(']');
  }

 private:
  const std::shared_ptr<ListArray> array_;
  const TextWriterPtr element_;
};

class MapWriter final : public TextWriter {
 public:
  MapWriter(std::shared_ptr<arrow::MapArray> array, TextWriterPtr keys, TextWriterPtr items)
      : array_(std::move(array)),
        keys_(std::move(keys)),
        items_(std::move(items)),
        text_keys_(array_->map_type()->key_type()->id() == arrow::Type::STRING ||
                   array_->map_type()->key_type()->id() == arrow::Type::LARGE_STRING) {}
  void Append(std::int64_t row, std::string& out) const override {
    if (array_->IsNull(row)) {
      out.append("null");
      return;
    }
    out.push_back(text_keys_ ? '{' : '[');
    const std::int64_t begin = array_->value_offset(row), length = array_->value_length(row);
    for (std::int64_t i = begin; i < begin + length; ++i) {
      if (i > begin) out.push_back(',');
      if (!text_keys_) out.push_back('[');
      keys_->Append(i, out);
      out.push_back(text_keys_ ? ':' : ',');
      items_->Append(i, out);
      if (!text_keys_) out.push_back(']');
    }
    out.push_back(text_keys_ ? '}' : ']');
  }

 private:
  const std::shared_ptr<arrow::MapArray> array_;
  const TextWriterPtr keys_, items_;
  const bool text_keys_;
};

template <typename ListArray>
Result<TextWriterPtr> MakeListWriter(const std::shared_ptr<arrow::Array>& array, int depth,
                                     arrow::MemoryPool* pool) {
  auto list = std::static_pointer_cast<ListArray>(array);
  GRANARY_ASSIGN(auto element, MakeWriter(list->values(), depth + 1, pool));
  return TextWriterPtr(
      std::make_unique<ListWriter<ListArray>>(std::move(list), std::move(element)));
}

Result<TextWriterPtr> MakeStructWriter(const std::shared_ptr<arrow::Array>& array, int depth,
                                       arrow::MemoryPool* pool) {
  auto record = std::static_pointer_cast<arrow::StructArray>(array);
  std::vector<TextWriterPtr> members;
  for (int i = 0; i < record->num_fields(); ++i) {
    GRANARY_ASSIGN(auto member, MakeWriter(record->field(i), depth + 1, pool));
    members.push_back(std::move(member));
  }
  return TextWriterPtr(std::make_unique<StructWriter>(std::move(record), std::move(members)));
}

Result<TextWriterPtr> MakeMapWriter(const std::shared_ptr<arrow::Array>& array, int depth,
                                    arrow::MemoryPool* pool) {
  auto map = std::static_pointer_cast<arrow::MapArray>(array);
  GRANARY_ASSIGN(auto keys, MakeWriter(map->keys(), depth + 1, pool));
  GRANARY_ASSIGN(auto items, MakeWriter(map->items(), depth + 1, pool));
  return TextWriterPtr(
      std::make_unique<MapWriter>(std::move(map), std::move(keys), std::move(items)));
}

Result<TextWriterPtr> MakeWriter(const std::shared_ptr<arrow::Array>& array, int depth,
                                 arrow::MemoryPool* pool) {
  if (depth > kJsonDepthMax)
    return Status(Code::kInvalidRecord, fmt::format("nested deeper than {}", kJsonDepthMax));
  switch (array->type_id()) {
    case arrow::Type::STRUCT: return MakeStructWriter(array, depth, pool);
    case arrow::Type::MAP: return MakeMapWriter(array, depth, pool);
    case arrow::Type::LIST: return MakeListWriter<arrow::ListArray>(array, depth, pool);
    case arrow::Type::LARGE_LIST: return MakeListWriter<arrow::LargeListArray>(array, depth, pool);
    case arrow::Type::FIXED_SIZE_LIST:
      return MakeListWriter<arrow::FixedSizeListArray>(array, depth, pool);
    default: break;
  }
  GRANARY_ASSIGN(PlainArray plain, ToPlainArray(array, pool));
  // A member that only says that it is JSON could end its object.
  if (plain.type.kind() == TypeKind::kJson) {
    GRANARY_ASSIGN(plain.array, FitToType(plain, TypeKind::kJson, pool));
  }
  return TextWriterPtr(std::make_unique<PlainWriter>(std::move(plain.array), plain.type));
}

}  // namespace

Result<std::shared_ptr<arrow::Array>> ToJsonTexts(const std::shared_ptr<arrow::Array>& array,
                                                  arrow::MemoryPool* pool) {
  GRANARY_ASSIGN(const TextWriterPtr writer, MakeWriter(array, 0, pool));
  arrow::StringBuilder builder(pool);
  std::string text;
  for (std::int64_t row = 0; row < array->length(); ++row) {
    arrow::Status added;
    if (array->IsNull(row)) {
      added = builder.AppendNull();
    } else {
      text.clear();
      writer->Append(row, text);
      added = builder.Append(text);
    }
    if (!added.ok()) return Status(Code::kTooLarge, added.ToString());
  }
  std::shared_ptr<arrow::Array> texts;
  if (const auto done = builder.Finish(&texts); !done.ok())
    return Status(Code::kTooLarge, done.ToString());
  return texts;
}

}  // namespace granary::formats

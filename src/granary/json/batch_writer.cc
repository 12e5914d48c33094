#include "granary/json/batch_writer.h"

#include <cstring>
#include <type_traits>
#include <utility>

#include <arrow/array/data.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include "granary/base/base64.h"
#include "granary/base/int128.h"
#include "granary/types/number_text.h"
#include "granary/types/rest_column.h"
#include "granary/types/time_text.h"
#include "granary/types/uuid_text.h"

namespace granary::json {
namespace {

/// Writes the value at `row`, which is not null. Works on the raw buffers: taking an Array out of a
/// RecordBatch costs an atomic count for every cell.
using WriteValue = void (*)(const arrow::ArrayData& data, std::int64_t row, const DataType& type,
                            std::string& out);

WriteValue WriterFor(const DataType& type);

bool IsNull(const arrow::ArrayData& data, std::int64_t row) {
  return data.buffers[0] != nullptr &&
         !arrow::bit_util::GetBit(data.buffers[0]->data(), row + data.offset);
}

std::string_view Bytes(const arrow::ArrayData& data, std::int64_t row) {
  const auto* offsets = data.GetValues<std::int32_t>(1);
  // A column of empty strings may come without a data buffer.
  const auto* bytes = data.buffers[2] == nullptr ? nullptr : data.buffers[2]->data();
  return {reinterpret_cast<const char*>(bytes) + offsets[row],
          static_cast<std::size_t>(offsets[row + 1] - offsets[row])};
}

std::string_view FixedBytes(const arrow::ArrayData& data, std::int64_t row, std::size_t width) {
  return {reinterpret_cast<const char*>(data.buffers[1]->data()) +
              static_cast<std::size_t>(row + data.offset) * width,
          width};
}

template <typename Stored>
void WriteInteger(const arrow::ArrayData& data, std::int64_t row, const DataType&,
                  std::string& out) {
  using Wide = std::conditional_t<std::is_signed_v<Stored>, std::int64_t, std::uint64_t>;
  AppendInteger(static_cast<Wide>(data.GetValues<Stored>(1)[row]), out);
}

void WriteFloat(const arrow::ArrayData& data, std::int64_t row, const DataType&, std::string& out) {
  AppendFloat(data.GetValues<float>(1)[row], out);
}

void WriteDouble(const arrow::ArrayData& data, std::int64_t row, const DataType&,
                 std::string& out) {
  AppendDouble(data.GetValues<double>(1)[row], out);
}

void WriteBool(const arrow::ArrayData& data, std::int64_t row, const DataType&, std::string& out) {
  out.append(arrow::bit_util::GetBit(data.buffers[1]->data(), row + data.offset) ? "true"
                                                                                 : "false");
}

void WriteString(const arrow::ArrayData& data, std::int64_t row, const DataType&,
                 std::string& out) {
  AppendString(Bytes(data, row), out);
}

void WriteJson(const arrow::ArrayData& data, std::int64_t row, const DataType&, std::string& out) {
  out.append(Bytes(data, row));
}

void WriteBinary(const arrow::ArrayData& data, std::int64_t row, const DataType&,
                 std::string& out) {
  out.push_back('"');
  out.append(Base64Encode(Bytes(data, row)));
  out.push_back('"');
}

void WriteUuid(const arrow::ArrayData& data, std::int64_t row, const DataType&, std::string& out) {
  out.push_back('"');
  AppendUuid(FixedBytes(data, row, kUuidBytes), out);
  out.push_back('"');
}

void WriteDecimal(const arrow::ArrayData& data, std::int64_t row, const DataType& type,
                  std::string& out) {
  Int128 unscaled;
  std::memcpy(&unscaled, FixedBytes(data, row, sizeof(unscaled)).data(), sizeof(unscaled));
  out.push_back('"');
  AppendDecimal(unscaled, type.scale(), out);
  out.push_back('"');
}

void WriteDate(const arrow::ArrayData& data, std::int64_t row, const DataType&, std::string& out) {
  out.push_back('"');
  AppendDate(data.GetValues<std::int32_t>(1)[row], out);
  out.push_back('"');
}

void WriteTimestamp(const arrow::ArrayData& data, std::int64_t row, const DataType& type,
                    std::string& out) {
  out.push_back('"');
  AppendTimestamp(data.GetValues<std::int64_t>(1)[row], type.unit(), out);
  out.push_back('"');
}

void WriteTime(const arrow::ArrayData& data, std::int64_t row, const DataType&, std::string& out) {
  out.push_back('"');
  AppendTime(data.GetValues<std::int64_t>(1)[row], out);
  out.push_back('"');
}

void WriteOrNull(WriteValue write, const arrow::ArrayData& data, std::int64_t row,
                 const DataType& type, std::string& out) {
  if (IsNull(data, row)) {
    out.append("null");
  } else {
    write(data, row, type, out);
  }
}

void WriteList(const arrow::ArrayData& data, std::int64_t row, const DataType& type,
               std::string& out) {
  const auto* offsets = data.GetValues<std::int32_t>(1);
  const WriteValue write = WriterFor(type.element());
  out.push_back('[');
  for (std::int32_t i = offsets[row]; i < offsets[row + 1]; ++i) {
    if (i != offsets[row]) out.push_back(',');
    WriteOrNull(write, *data.child_data[0], i, type.element(), out);
  }
  out.push_back(']');
}

WriteValue WriterFor(const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kString: return WriteString;
    case TypeKind::kBool: return WriteBool;
    case TypeKind::kInt8: return WriteInteger<std::int8_t>;
    case TypeKind::kInt16: return WriteInteger<std::int16_t>;
    case TypeKind::kInt32: return WriteInteger<std::int32_t>;
    case TypeKind::kInt64: return WriteInteger<std::int64_t>;
    case TypeKind::kUInt8: return WriteInteger<std::uint8_t>;
    case TypeKind::kUInt16: return WriteInteger<std::uint16_t>;
    case TypeKind::kUInt32: return WriteInteger<std::uint32_t>;
    case TypeKind::kUInt64: return WriteInteger<std::uint64_t>;
    case TypeKind::kFloat32: return WriteFloat;
    case TypeKind::kFloat64: return WriteDouble;
    case TypeKind::kDecimal: return WriteDecimal;
    case TypeKind::kDate: return WriteDate;
    case TypeKind::kTimestamp: return WriteTimestamp;
    case TypeKind::kTime: return WriteTime;
    case TypeKind::kBinary: return WriteBinary;
    case TypeKind::kUuid: return WriteUuid;
    case TypeKind::kJson: return WriteJson;
    case TypeKind::kList: return WriteList;
  }
  return WriteString;
}

}  // namespace

struct BatchWriter::State {
  struct Member {
    DataType type;
    WriteValue write;
    std::string lead;  ///< What stands before the value: {"first": or ,"next":
    bool is_rest = false;
  };
  std::vector<Member> members;
  bool has_rest = false;

  void AppendDocument(const arrow::ArrayDataVector& columns, std::int64_t row,
                      std::string& out) const;
};

/// What is not null, and the members of the rest among it.
void BatchWriter::State::AppendDocument(const arrow::ArrayDataVector& columns, std::int64_t row,
                                        std::string& out) const {
  char before = '{';
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Member& member = members[i];
    const arrow::ArrayData& data = *columns[i];
    if (IsNull(data, row)) continue;
    if (!member.is_rest) {
      out.push_back(std::exchange(before, ','));
      out.append(member.lead, 1);
      member.write(data, row, member.type, out);
      continue;
    }
    const std::string_view text = Bytes(data, row);
    if (text.size() <= 2) continue;  // {}
    out.push_back(std::exchange(before, ','));
    out.append(text.substr(1, text.size() - 2));
  }
  if (before == '{') out.push_back('{');
  out.push_back('}');
}

BatchWriter::BatchWriter(std::vector<Column> columns) : state_(std::make_unique<State>()) {
  state_->members.reserve(columns.size());
  for (Column& column : columns) {
    std::string lead(1, state_->members.empty() ? '{' : ',');
    AppendString(column.name, lead);
    lead.push_back(':');
    const WriteValue write = WriterFor(column.type);
    const bool is_rest = IsRestColumn(column);
    state_->has_rest = state_->has_rest || is_rest;
    state_->members.push_back({std::move(column.type), write, std::move(lead), is_rest});
  }
}

BatchWriter::~BatchWriter() = default;

void BatchWriter::AppendRow(const arrow::RecordBatch& batch, std::int64_t row,
                            std::string& out) const {
  const arrow::ArrayDataVector& columns = batch.column_data();
  if (state_->has_rest) return state_->AppendDocument(columns, row, out);
  const std::vector<State::Member>& members = state_->members;
  if (members.empty()) out.push_back('{');
  for (std::size_t i = 0; i < members.size(); ++i) {
    out.append(members[i].lead);
    WriteOrNull(members[i].write, *columns[i], row, members[i].type, out);
  }
  out.push_back('}');
}

void BatchWriter::AppendValue(const arrow::RecordBatch& batch, int column, std::int64_t row,
                              std::string& out) const {
  const auto position = static_cast<std::size_t>(column);
  const State::Member& member = state_->members[position];
  WriteOrNull(member.write, *batch.column_data()[position], row, member.type, out);
}

}  // namespace granary::json

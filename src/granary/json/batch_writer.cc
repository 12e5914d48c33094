#include "granary/json/batch_writer.h"

#include <array>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include <arrow/array/data.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include "granary/base/base64.h"
#include "granary/base/int128.h"
#include "granary/json/plain_text.h"
#include "granary/types/rest_column.h"
#include "granary/types/short_text.h"
#include "granary/types/uuid_text.h"

namespace granary::json {
namespace {

/// What these functions do with the value at `row`, which is not null. They work on the raw
/// buffers: taking an Array out of a RecordBatch costs an atomic count for every cell.
using AppendFn = void (*)(const arrow::ArrayData& data, std::int64_t row, const DataType& type,
                          std::string& out);
/// Writes it from `to` on, where there is room for it, and returns its end.
using PutFn = char* (*)(const arrow::ArrayData& data, std::int64_t row, const DataType& type,
                        char* to);

/// What a value takes at most that is no text: quotes, too.
constexpr std::size_t kShortRoom = kShortTextMax + 2;

struct ValueWriter {
  AppendFn append;
  PutFn put = nullptr;  ///< Null where nobody says beforehand how much room it takes.
};

ValueWriter WriterFor(const DataType& type);

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
char* PutInteger(const arrow::ArrayData& data, std::int64_t row, const DataType&, char* to) {
  using Wide = std::conditional_t<std::is_signed_v<Stored>, std::int64_t, std::uint64_t>;
  return WriteInteger(static_cast<Wide>(data.GetValues<Stored>(1)[row]), to);
}

template <typename Float, char* (*kWrite)(Float, char*)>
char* PutFloat(const arrow::ArrayData& data, std::int64_t row, const DataType&, char* to) {
  const Float value = data.GetValues<Float>(1)[row];
  if (std::isfinite(value)) return kWrite(value, to);
  return WriteChar('"', kWrite(value, WriteChar('"', to)));
}

char* PutBool(const arrow::ArrayData& data, std::int64_t row, const DataType&, char* to) {
  const bool value = arrow::bit_util::GetBit(data.buffers[1]->data(), row + data.offset);
  return WriteText(value ? "true" : "false", to);
}

char* PutUuid(const arrow::ArrayData& data, std::int64_t row, const DataType&, char* to) {
  return WriteChar('"', WriteUuid(FixedBytes(data, row, kUuidBytes), WriteChar('"', to)));
}

char* PutDecimal(const arrow::ArrayData& data, std::int64_t row, const DataType& type, char* to) {
  Int128 unscaled;
  std::memcpy(&unscaled, FixedBytes(data, row, sizeof(unscaled)).data(), sizeof(unscaled));
  return WriteChar('"', WriteDecimal(unscaled, type.scale(), WriteChar('"', to)));
}

char* PutDate(const arrow::ArrayData& data, std::int64_t row, const DataType&, char* to) {
  return WriteChar('"', WriteDate(data.GetValues<std::int32_t>(1)[row], WriteChar('"', to)));
}

char* PutTimestamp(const arrow::ArrayData& data, std::int64_t row, const DataType& type, char* to) {
  const std::int64_t value = data.GetValues<std::int64_t>(1)[row];
  return WriteChar('"', WriteTimestamp(value, type.unit(), WriteChar('"', to)));
}

char* PutTime(const arrow::ArrayData& data, std::int64_t row, const DataType&, char* to) {
  return WriteChar('"', WriteTime(data.GetValues<std::int64_t>(1)[row], WriteChar('"', to)));
}

template <PutFn kPut>
ValueWriter Short() {
  return {
      [](const arrow::ArrayData& data, std::int64_t row, const DataType& type, std::string& out) {
        std::array<char, kShortRoom> text;
        out.append(text.data(), kPut(data, row, type, text.data()));
      },
      kPut};
}

void AppendText(const arrow::ArrayData& data, std::int64_t row, const DataType&, std::string& out) {
  AppendString(Bytes(data, row), out);
}

/// Of plain text.
char* PutText(const arrow::ArrayData& data, std::int64_t row, const DataType&, char* to) {
  return WriteChar('"', WriteText(Bytes(data, row), WriteChar('"', to)));
}

void AppendJson(const arrow::ArrayData& data, std::int64_t row, const DataType&, std::string& out) {
  out.append(Bytes(data, row));
}

char* PutJson(const arrow::ArrayData& data, std::int64_t row, const DataType&, char* to) {
  return WriteText(Bytes(data, row), to);
}

void AppendBinary(const arrow::ArrayData& data, std::int64_t row, const DataType&,
                  std::string& out) {
  out.push_back('"');
  out.append(Base64Encode(Bytes(data, row)));
  out.push_back('"');
}

void AppendOrNull(AppendFn append, const arrow::ArrayData& data, std::int64_t row,
                  const DataType& type, std::string& out) {
  if (IsNull(data, row)) {
    out.append("null");
  } else {
    append(data, row, type, out);
  }
}

void AppendList(const arrow::ArrayData& data, std::int64_t row, const DataType& type,
                std::string& out) {
  const auto* offsets = data.GetValues<std::int32_t>(1);
  const AppendFn append = WriterFor(type.element()).append;
  out.push_back('[');
  for (std::int32_t i = offsets[row]; i < offsets[row + 1]; ++i) {
    if (i != offsets[row]) out.push_back(',');
    AppendOrNull(append, *data.child_data[0], i, type.element(), out);
  }
  out.push_back(']');
}

ValueWriter WriterFor(const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kString: return {AppendText, PutText};
    case TypeKind::kBool: return Short<PutBool>();
    case TypeKind::kInt8: return Short<PutInteger<std::int8_t>>();
    case TypeKind::kInt16: return Short<PutInteger<std::int16_t>>();
    case TypeKind::kInt32: return Short<PutInteger<std::int32_t>>();
    case TypeKind::kInt64: return Short<PutInteger<std::int64_t>>();
    case TypeKind::kUInt8: return Short<PutInteger<std::uint8_t>>();
    case TypeKind::kUInt16: return Short<PutInteger<std::uint16_t>>();
    case TypeKind::kUInt32: return Short<PutInteger<std::uint32_t>>();
    case TypeKind::kUInt64: return Short<PutInteger<std::uint64_t>>();
    case TypeKind::kFloat32: return Short<PutFloat<float, WriteFloatText>>();
    case TypeKind::kFloat64: return Short<PutFloat<double, WriteDoubleText>>();
    case TypeKind::kDecimal: return Short<PutDecimal>();
    case TypeKind::kDate: return Short<PutDate>();
    case TypeKind::kTimestamp: return Short<PutTimestamp>();
    case TypeKind::kTime: return Short<PutTime>();
    case TypeKind::kBinary: return {AppendBinary};
    case TypeKind::kUuid: return Short<PutUuid>();
    case TypeKind::kJson: return {AppendJson, PutJson};
    case TypeKind::kList: return {AppendList};
  }
  return {AppendText, PutText};
}

/// What stands before a value: {"first": or ,"next":
class Lead {
 public:
  explicit Lead(std::string text) : text_(std::move(text)) { text_.copy(front_.data(), kFront); }

  const std::string& text() const { return text_; }
  /// Writes up to kFront bytes behind its end, too: the usual one is copied without a loop.
  char* Put(char* to) const {
    std::memcpy(to, front_.data(), kFront);
    if (text_.size() > kFront)
      std::memcpy(to + kFront, text_.data() + kFront, text_.size() - kFront);
    return to + text_.size();
  }
  static constexpr std::size_t kFront = 32;

 private:
  std::string text_;
  std::array<char, kFront> front_{};
};

}  // namespace

struct BatchWriter::State {
  struct Member {
    DataType type;
    ValueWriter writer;
    Lead lead;
    bool is_rest = false;
  };
  std::vector<Member> members;
  bool has_rest = false;
  bool puts_all = true;             ///< All members can be put.
  std::vector<std::size_t> texts;   ///< The members that take more or less room.
  std::size_t room = Lead::kFront;  ///< What a row takes at most besides their bytes.

  void Add(Column column);
  void AppendDocument(const arrow::ArrayDataVector& columns, std::int64_t row,
                      std::string& out) const;
  bool PutRow(const arrow::ArrayDataVector& columns, std::int64_t row, std::string& out) const;
};

void BatchWriter::State::Add(Column column) {
  std::string text(1, members.empty() ? '{' : ',');
  AppendString(column.name, text);
  text.push_back(':');
  const ValueWriter writer = WriterFor(column.type);
  const bool is_rest = IsRestColumn(column);
  has_rest = has_rest || is_rest;
  puts_all = puts_all && writer.put != nullptr;
  room += text.size() + kShortRoom;
  if (writer.put == PutText || writer.put == PutJson) texts.push_back(members.size());
  members.push_back({std::move(column.type), writer, Lead(std::move(text)), is_rest});
}

/// Room is made once a row, and what nobody has to look at twice is copied. False, and nothing is
/// written, for a row with a text that has something to escape or a value of no known room.
bool BatchWriter::State::PutRow(const arrow::ArrayDataVector& columns, std::int64_t row,
                                std::string& out) const {
  if (!puts_all) return false;
  std::size_t room_of_row = room;
  for (const std::size_t i : texts) {
    if (IsNull(*columns[i], row)) continue;
    const std::string_view text = Bytes(*columns[i], row);
    if (members[i].writer.put == PutText && !IsPlain(text)) return false;
    room_of_row += text.size();
  }
  const std::size_t begin = out.size();
  out.resize(begin + room_of_row);
  char* to = out.data() + begin;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Member& member = members[i];
    to = member.lead.Put(to);
    to = IsNull(*columns[i], row) ? WriteText("null", to)
                                  : member.writer.put(*columns[i], row, member.type, to);
  }
  to = WriteChar('}', to);
  out.resize(static_cast<std::size_t>(to - out.data()));
  return true;
}

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
      out.append(member.lead.text(), 1);
      member.writer.append(data, row, member.type, out);
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
  for (Column& column : columns) state_->Add(std::move(column));
}

BatchWriter::~BatchWriter() = default;

void BatchWriter::AppendRow(const arrow::RecordBatch& batch, std::int64_t row,
                            std::string& out) const {
  const arrow::ArrayDataVector& columns = batch.column_data();
  if (state_->has_rest) return state_->AppendDocument(columns, row, out);
  const std::vector<State::Member>& members = state_->members;
  if (members.empty()) out.push_back('{');
  if (!members.empty() && state_->PutRow(columns, row, out)) return;
  for (std::size_t i = 0; i < members.size(); ++i) {
    out.append(members[i].lead.text());
    AppendOrNull(members[i].writer.append, *columns[i], row, members[i].type, out);
  }
  out.push_back('}');
}

void BatchWriter::AppendValue(const arrow::RecordBatch& batch, int column, std::int64_t row,
                              std::string& out) const {
  const auto position = static_cast<std::size_t>(column);
  const State::Member& member = state_->members[position];
  AppendOrNull(member.writer.append, *batch.column_data()[position], row, member.type, out);
}

}  // namespace granary::json

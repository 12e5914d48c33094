#include "granary/query/exec/search_position.h"

namespace granary::query {
namespace {

constexpr std::uint32_t kKeysMax = 10'000;

enum class Form : std::uint8_t { kOrdered = 1, kSegment = 2, kHot = 3 };

void Encode(const OrderedPosition& position, std::string& out) {
  PutFixed(out, static_cast<std::uint8_t>(Form::kOrdered));
  PutFixed(out, position.source);
  PutFixed(out, position.sequence);
  PutFixed(out, static_cast<std::uint32_t>(position.keys.size()));
  for (const OrderedPosition::Key& key : position.keys) {
    PutString(out, key.type.ToString());
    EncodeValue(key.value, out);
  }
}

void Encode(const StoredPosition& position, std::string& out) {
  PutFixed(out, static_cast<std::uint8_t>(position.segment ? Form::kSegment : Form::kHot));
  PutFixed(out, position.source);
  if (!position.segment) return PutFixed(out, position.sequence);
  PutFixed(out, position.segment->min_sequence);
  PutFixed(out, position.segment->segment.value);
  PutFixed(out, position.segment->row_group);
  PutFixed(out, position.segment->row);
}

Result<SearchPosition> DecodeOrdered(ByteReader& in) {
  OrderedPosition position;
  position.source = in.Fixed<std::uint32_t>();
  position.sequence = in.Fixed<std::uint64_t>();
  const auto keys = in.Fixed<std::uint32_t>();
  if (keys > kKeysMax) return Status::Corruption("a position with too many keys");
  for (std::uint32_t i = 0; i < keys && in.ok(); ++i) {
    OrderedPosition::Key key;
    GRANARY_ASSIGN(key.type, DataType::Parse(in.String()));
    GRANARY_ASSIGN(key.value, DecodeValue(in));
    position.keys.push_back(std::move(key));
  }
  return SearchPosition(std::move(position));
}

}  // namespace

void EncodePosition(const SearchPosition& position, std::string& out) {
  std::visit([&out](const auto& held) { Encode(held, out); }, position);
}

Result<SearchPosition> DecodePosition(ByteReader& in) {
  const auto form = static_cast<Form>(in.Fixed<std::uint8_t>());
  if (form == Form::kOrdered) return DecodeOrdered(in);
  StoredPosition position;
  position.source = in.Fixed<std::uint32_t>();
  if (form == Form::kHot) {
    position.sequence = in.Fixed<std::uint64_t>();
  } else if (form == Form::kSegment) {
    RowPlace& place = position.segment.emplace();
    place.min_sequence = in.Fixed<std::uint64_t>();
    place.segment.value = in.Fixed<std::uint64_t>();
    place.row_group = in.Fixed<std::int32_t>();
    place.row = in.Fixed<std::int32_t>();
    if (place.row_group < 0 || place.row < 0) return Status::Corruption("a place below zero");
  } else {
    return Status::Corruption("an unknown form of position");
  }
  return SearchPosition(position);
}

}  // namespace granary::query

#include "granary/formats/record_places.h"

#include <charconv>

#include <fmt/format.h>

namespace granary::formats {
namespace {

/// "/3/amount" as 3 and "/amount".
struct Place {
  std::int64_t index = -1;
  std::string_view rest;
};

Place PlaceIn(std::string_view pointer) {
  Place place;
  if (!pointer.starts_with('/')) return place;
  const char* end = pointer.data() + pointer.size();
  const auto [at, error] = std::from_chars(pointer.data() + 1, end, place.index);
  if (error != std::errc()) return {};
  place.rest = {at, static_cast<std::size_t>(end - at)};
  return place;
}

std::string WithPlace(const std::string& place, std::string_view detail) {
  return place.empty() ? std::string(detail) : fmt::format("{}: {}", place, detail);
}

}  // namespace

Status AtPlaces(const Status& status, std::uint64_t first, const PlaceOf& place_of) {
  if (status.ok() || status.fields().empty()) return status;
  std::vector<FieldError> fields;
  for (const FieldError& field : status.fields()) {
    const Place place = PlaceIn(field.pointer);
    if (place.index < 0) {
      fields.push_back(field);
      continue;
    }
    fields.push_back(
        {fmt::format("/{}{}", first + static_cast<std::uint64_t>(place.index), place.rest),
         WithPlace(place_of(place.index), field.detail)});
  }
  std::string message = fmt::format("{}: {}", fields.front().pointer, fields.front().detail);
  if (fields.size() > 1) message += fmt::format(" (and {} more)", fields.size() - 1);
  return {status.code(), std::move(message), std::move(fields)};
}

void MoveWidened(std::uint64_t first, std::vector<json::WidenedColumn>& widened) {
  for (json::WidenedColumn& column : widened) {
    const Place place = PlaceIn(column.pointer);
    if (place.index < 0) continue;
    column.pointer =
        fmt::format("/{}{}", first + static_cast<std::uint64_t>(place.index), place.rest);
  }
}

void AddRejected(const json::RejectedRecords& found, std::uint64_t first, const PlaceOf& place_of,
                 json::RejectedRecords& all) {
  for (const auto& [index, detail] : found) {
    // Counted anew: the parser's pointer is that of the chunk.
    const Place place = PlaceIn(detail);
    std::string_view rest = place.index < 0 ? std::string_view(detail) : place.rest;
    if (rest.starts_with(": ")) rest.remove_prefix(2);
    all.emplace(static_cast<std::int64_t>(first) + index, WithPlace(place_of(index), rest));
  }
}

}  // namespace granary::formats

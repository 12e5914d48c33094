// JsonObject: appends one JSON object to a text, member by member.
//
//   JsonObject object(out);
//   object.Add("rows", rows);          {"rows":12,
//   ... append to object.Key("min")    "min":…}
//   object.Close();
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "granary/base/append_format.h"
#include "granary/json/batch_writer.h"
#include "granary/types/number_text.h"
#include "granary/types/time_text.h"

namespace granary::api {

class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_.push_back('{'); }

  /// Appends the name and the colon; the caller appends the value to the text it gets back.
  std::string& Key(std::string_view name) {
    if (!first_) out_.push_back(',');
    first_ = false;
    json::AppendString(name, out_);
    out_.push_back(':');
    return out_;
  }
  void Add(std::string_view name, std::string_view value) { json::AppendString(value, Key(name)); }
  void Add(std::string_view name, const char* value) { Add(name, std::string_view(value)); }
  void Add(std::string_view name, bool value) { Key(name).append(value ? "true" : "false"); }
  template <std::integral Int>
  requires(!std::same_as<Int, bool>) void Add(std::string_view name, Int value) {
    using Wide = std::conditional_t<std::is_signed_v<Int>, std::int64_t, std::uint64_t>;
    AppendInteger(static_cast<Wide>(value), Key(name));
  }
  template <typename T>
  void Add(std::string_view name, const std::optional<T>& value) {
    if (value)
      Add(name, *value);
    else
      AddNull(name);
  }
  /// An instant of RFC 3339, of microseconds since 1970.
  void AddInstant(std::string_view name, std::int64_t micros) {
    std::string& out = Key(name);
    out.push_back('"');
    AppendTimestamp(micros, TimeUnit::kMicro, out);
    out.push_back('"');
  }
  void AddInstant(std::string_view name, const std::optional<std::int64_t>& micros) {
    if (micros)
      AddInstant(name, *micros);
    else
      AddNull(name);
  }
  void AddNull(std::string_view name) { Key(name).append("null"); }
  void Close() { out_.push_back('}'); }

 private:
  std::string& out_;
  bool first_ = true;
};

/// [<each>, …]: `append(item)` appends one of them to the same text.
template <typename Items, typename Append>
void AppendList(const Items& items, std::string& out, const Append& append) {
  out.push_back('[');
  for (bool first = true; const auto& item : items) {
    if (!std::exchange(first, false)) out.push_back(',');
    append(item);
  }
  out.push_back(']');
}

}  // namespace granary::api

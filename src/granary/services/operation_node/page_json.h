// A page of a table as JSON: {"nodes": […], "next_cursor": null}.
#pragma once

#include <string>
#include <string_view>

#include "granary/api/json_object.h"

namespace granary::operation {

struct PageRequest {
  std::size_t limit = 100;
  std::string after;  ///< The last key of the page before; empty: the first page.
};

/// `to_json(key, entry)` is empty for an entry that is not wanted. The cursor is the last key of
/// the page, null when nothing follows.
template <typename Table, typename ToJson>
std::string PageJson(std::string_view name, const Table& table, const PageRequest& page,
                     const ToJson& to_json) {
  std::string out;
  api::JsonObject object(out);
  std::string& items = object.Key(name);
  items.push_back('[');
  std::size_t count = 0;
  std::string last, next;
  for (auto at = table.upper_bound(page.after); at != table.end(); ++at) {
    const std::string item = to_json(at->first, at->second);
    if (item.empty()) continue;
    if (count == page.limit) {
      next = last;
      break;
    }
    if (count++ > 0) items.push_back(',');
    items.append(item);
    last = at->first;
  }
  items.push_back(']');
  if (next.empty())
    object.AddNull("next_cursor");
  else
    object.Add("next_cursor", std::string_view(next));
  object.Close();
  return out;
}

}  // namespace granary::operation

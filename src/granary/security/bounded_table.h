// BoundedTable: the most recently used `entries_max` values by name. Whoever makes up names pushes
// out old ones, and memory does not grow.
//
// Threads    one at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace granary::security {

template <typename Value>
class BoundedTable {
 public:
  explicit BoundedTable(std::size_t entries_max) : entries_max_(entries_max) {}

  /// The value of that name, made by `make` when there is none; now the most recently used. Valid
  /// until the next call.
  template <typename Make>
  Value& Get(std::string_view name, const Make& make) {
    if (Value* found = Find(name)) return *found;
    if (order_.size() >= entries_max_ && !order_.empty()) {
      places_.erase(order_.back().first);
      order_.pop_back();
    }
    order_.emplace_front(std::string(name), make());
    places_.emplace(order_.front().first, order_.begin());
    return order_.front().second;
  }
  /// Null when there is none; else it is the most recently used now.
  Value* Find(std::string_view name) {
    const auto place = places_.find(name);
    if (place == places_.end()) return nullptr;
    order_.splice(order_.begin(), order_, place->second);
    return &order_.front().second;
  }
  void Erase(std::string_view name) {
    const auto place = places_.find(name);
    if (place == places_.end()) return;
    const auto entry = place->second;
    places_.erase(place);
    order_.erase(entry);
  }
  void Clear() {
    places_.clear();
    order_.clear();
  }
  std::size_t size() const { return order_.size(); }

 private:
  using Order = std::list<std::pair<std::string, Value>>;  // The most recently used first.
  const std::size_t entries_max_;
  Order order_;
  std::unordered_map<std::string_view, typename Order::iterator> places_;  // Names lie in order_.
};

}  // namespace granary::security

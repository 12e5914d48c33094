// PathTree: keys inside keys, as documents have them, with something kept at each.
//
// Why        documents of one source mostly have the same keys in the same order: the key after the
//            last one found is tried first.
// Shape      keys are as minified text writes them, escapes and all, which is one way for each key.
// Threads    one: a look-up remembers where it was.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "granary/json/batch_writer.h"

namespace granary::json {

template <typename Kept>
class PathTree {
 public:
  struct Node {
    std::string key;
    Node* parent = nullptr;
    std::vector<std::unique_ptr<Node>> children;
    Kept kept{};

    /// Null when there is none.
    Node* Find(std::string_view wanted) {
      if (next_ < children.size() && children[next_]->key == wanted) return children[next_++].get();
      if (children.size() > kListed) {
        const auto found = by_key_.find(wanted);
        if (found == by_key_.end()) return nullptr;
        next_ = found->second + 1;
        return children[found->second].get();
      }
      for (std::size_t i = 0; i < children.size(); ++i) {
        if (children[i]->key != wanted) continue;
        next_ = i + 1;
        return children[i].get();
      }
      return nullptr;
    }
    Node* Add(std::string_view added) {
      auto node = std::make_unique<Node>();
      node->key = added;
      node->parent = this;
      children.push_back(std::move(node));
      next_ = children.size();
      if (children.size() == kListed + 1) {
        for (std::size_t i = 0; i < children.size(); ++i) by_key_.emplace(children[i]->key, i);
      } else if (children.size() > kListed) {
        by_key_.emplace(children.back()->key, children.size() - 1);
      }
      return children.back().get();
    }
    /// The object's members follow from the first on.
    void Restart() { next_ = 0; }

   private:
    static constexpr std::size_t kListed = 8;
    std::size_t next_ = 0;
    std::unordered_map<std::string_view, std::size_t> by_key_;  // When there are many.
  };

  Node& root() { return root_; }
  const Node& root() const { return root_; }
  /// The node at the end of a path of keys as they are meant; made where it is missing.
  Node& At(std::span<const std::string> path) {
    Node* node = &root_;
    for (const std::string& key : path) {
      std::string quoted;
      AppendString(key, quoted);
      const std::string_view written = std::string_view(quoted).substr(1, quoted.size() - 2);
      Node* child = node->Find(written);
      node = child == nullptr ? node->Add(written) : child;
    }
    return *node;
  }

 private:
  Node root_;
};

}  // namespace granary::json

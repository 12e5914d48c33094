// EmbeddedNode: one tenant inside this process, without a server, spoken to with REST's bodies.
//
// Threads    one.
// Owns       its worker pool and store; the folder at `root` is locked while it lives.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary::cli {

class EmbeddedNode {
 public:
  static Result<EmbeddedNode> Open(const std::string& root);
  ~EmbeddedNode();
  EmbeddedNode(EmbeddedNode&&) noexcept;
  EmbeddedNode& operator=(EmbeddedNode&&) noexcept;

  /// Answers POST /sources/add, /data/write, /data/search, /data/aggregate and /sources/{id}/flush
  /// as a node would; kNotFound for any other target.
  Result<std::string> Call(std::string_view method, std::string_view target, std::string_view body);
  Status Close();

 private:
  struct State;
  explicit EmbeddedNode(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace granary::cli

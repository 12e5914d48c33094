// StopSignals: SIGTERM and SIGINT as something to wait for. SIGPIPE is ignored from here on.
//
// Threads    made before any other thread, which all inherit the mask; then one.
#pragma once

#include <csignal>

namespace granary::hosting {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Readable once one has come.
  int descriptor() const { return descriptor_; }
  void Wait() const;
  /// Takes what came so far; the next SIGINT, a second Ctrl-C, ends the process at once. A further
  /// SIGTERM changes nothing: a node gets one from its Operation Node and another from the kernel
  /// when that ends. Whoever cannot wait sends SIGKILL.
  void Release();

 private:
  sigset_t before_;
  int descriptor_ = -1;
};

}  // namespace granary::hosting

// HandlerLanes: the threads that run handlers, in three lanes, so that requests of one kind never
// wait for a thread behind those of another.
//
//   urgent    answered at once (health, metrics, the list of queries): two threads
//   ordinary  works and is done (a source's definition, its statistics): `ordinary_threads`; what
//             finds none free waits
//   patient   may wait long for something else than a thread, a search for its slot, a write for
//             room or for another one with its key, a stream for its client: a thread each, as
//             they are needed, up to `patient_threads_max`
//
// Threads    fully safe; Stop once.
#pragma once

#include <cstddef>
#include <cstdint>

#include "granary/runtime/worker_pool.h"

namespace granary::net {

enum class HandlerLane : std::uint8_t { kUrgent, kOrdinary, kPatient };

class HandlerLanes {
 public:
  HandlerLanes(std::size_t ordinary_threads, std::size_t patient_threads_max)
      : urgent_({.threads = 2}),
        ordinary_({.threads = ordinary_threads}),
        patient_({.threads = 1, .threads_max = patient_threads_max}) {}

  runtime::WorkerPool& Of(HandlerLane lane) {
    switch (lane) {
      case HandlerLane::kUrgent: return urgent_;
      case HandlerLane::kPatient: return patient_;
      case HandlerLane::kOrdinary: break;
    }
    return ordinary_;
  }

  void Stop() {
    urgent_.Stop();
    ordinary_.Stop();
    patient_.Stop();
  }

 private:
  runtime::WorkerPool urgent_;
  runtime::WorkerPool ordinary_;
  runtime::WorkerPool patient_;
};

}  // namespace granary::net

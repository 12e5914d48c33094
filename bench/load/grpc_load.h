// GrpcLoad: calls a method with messages that are already encoded, one call under way on each
// channel, all of them on one completion queue. Answers are read to their end and not decoded.
//
// Threads    the caller's, and those that grpc++ makes for itself: their CPU time is counted too.
#pragma once

#include "granary/base/status.h"
#include "load_plan.h"
#include "request_file.h"

namespace granary::bench {

/// kUnavailable when a channel does not connect.
Result<LoadResult> RunGrpcLoad(RequestFile& requests, const LoadPlan& plan);

}  // namespace granary::bench

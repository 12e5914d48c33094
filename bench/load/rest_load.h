// RestLoad: sends HTTP requests over kept-alive connections, all in one epoll loop.
//
// Promise    an answer that is no 2xx, a connection that breaks or an answer that is no HTTP/1.1
//            counts as an error; the broken connection is not made anew, so a run with errors ends
//            early and says so.
// Threads    the caller's alone.
#pragma once

#include "granary/base/status.h"
#include "load_plan.h"
#include "request_file.h"

namespace granary::bench {

/// kUnavailable when a connection cannot be made.
Result<LoadResult> RunRestLoad(RequestFile& requests, const LoadPlan& plan);

}  // namespace granary::bench

// GiveWay: the calling thread runs when others of this machine would not, from here to its end.
//
// Threads    of the caller.
#pragma once

namespace granary::runtime {

/// Where the system does not allow it, the thread stays as it was.
void GiveWay();

}  // namespace granary::runtime

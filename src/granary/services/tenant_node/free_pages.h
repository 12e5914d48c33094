// Free pages that the allocator keeps in case they are wanted again.
#pragma once

namespace granary::services {

/// Gives them all back to the kernel at once. Does nothing where the program is not linked to
/// jemalloc (sanitizers bring an allocator of their own).
void GiveBackFreePages();

}  // namespace granary::services

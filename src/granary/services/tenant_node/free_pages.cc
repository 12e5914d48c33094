#include "granary/services/tenant_node/free_pages.h"

#include <cstddef>

// Declared here and weak, since only programs link jemalloc, and libraries must do without.
extern "C" int mallctl(const char* name, void* old_value, std::size_t* old_bytes, void* new_value,
                       std::size_t new_bytes) __attribute__((weak));

namespace granary::services {

void GiveBackFreePages() {
  // 4096 is MALLCTL_ARENAS_ALL.
  if (mallctl != nullptr) mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);
}

}  // namespace granary::services

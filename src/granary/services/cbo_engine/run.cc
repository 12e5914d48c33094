#include "granary/services/cbo_engine/run.h"

#include "granary/services/cbo_engine/engine.h"

namespace granary::services {

hosting::ServiceProgram CboEngineProgram() {
  return hosting::OneService("cbo-engine", "Learn the cost model of all nodes, and serve it",
                             LoadCboConfig, CboEngine::Listen);
}

}  // namespace granary::services

#include "granary/services/operation_node/run.h"

#include "granary/services/operation_node/operation_node.h"

namespace granary::operation {

hosting::ServiceProgram OperationNodeProgram() {
  return hosting::OneService("operation-node",
                             "Know tenants, the nodes that serve them, and quotas", LoadConfig,
                             OperationNode::Listen);
}

}  // namespace granary::operation

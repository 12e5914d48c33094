#include "granary/api/proto_health.h"

#include "grpc/health/v1/health.pb.h"

namespace granary::api {

// The file of a message is known to the pool that reflection asks once something refers to it.
void DescribeHealth() { (void)grpc::health::v1::HealthCheckRequest::descriptor(); }

}  // namespace granary::api

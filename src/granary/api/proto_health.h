// DescribeHealth: lets server reflection tell what grpc.health.v1.Health is, which the gRPC library
// serves without a description.
//
// Threads    any.
#pragma once

namespace granary::api {

/// To be called before a gRPC server starts.
void DescribeHealth();

}  // namespace granary::api

// POST /data/write with a body of NDJSON, CSV, Arrow or Parquet, which is read as it comes.
#pragma once

#include "granary/hosting/router.h"
#include "granary/services/tenant_node/node_state.h"

namespace granary::services {

/// Whether the handler of the request reads its body itself (HttpServerOptions::streams_body).
bool IsStreamedWrite(const net::HttpRequest& request);

Result<net::HttpResponse> WriteStreamed(NodeState& state, hosting::RouteCall& call);

/// kInvalidArgument for query parameters that only such bodies have; a JSON body says it inside.
Status CheckNoStreamParameters(const net::HttpRequest& request);

}  // namespace granary::services

// Answers of the tenant as the bytes of gRPC messages (proto/storage.proto).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "granary/api/proto_request.h"
#include "granary/base/status.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/search.h"
#include "granary/tenant/tenant.h"

namespace granary::api {

/// Rows as messages of about `piece_bytes` each (one row may be more), handed to `send` as they are
/// made; a failure of `send` ends the call with it.
Status SendRowMessages(const query::ResultBatch& rows, RowFormat format, std::size_t piece_bytes,
                       const std::function<Status(std::string_view message)>& send);
std::string SummaryMessage(std::uint64_t count, const SearchPageEnd& end, double elapsed_ms);

Result<std::string> AggregateAnswerMessage(const query::AggregateAnswer& answer, RowFormat format,
                                           double elapsed_ms);
/// `plan_json`: the answer of POST /data/explain.
std::string ExplainAnswerMessage(std::string plan_json);
std::string WriteAnswerMessage(const WriteAnswer& answer);
std::string WriteStreamAnswerMessage(std::uint64_t batches, std::uint64_t written, bool durable,
                                     std::uint64_t rejected);

std::string AddedSourceMessage(const Tenant::Added& added);
std::string SourceMessage(const SourceInfo& source);
std::string SourcesMessage(const SourceList& list);
std::string SourceStatsMessage(const SourceStatsInfo& stats);
std::string TenantStatsMessage(const TenantStats& stats);
std::string HealthMessage(const std::string& tenant_id, const std::string& tenant_name,
                          std::string_view version, double uptime_seconds);

}  // namespace granary::api

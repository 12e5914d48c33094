#include "granary/api/part_request.h"

#include <map>
#include <memory>

#include <fmt/format.h>

#include "granary/base/bytes.h"

namespace granary::api {
namespace {

constexpr std::string_view kMagic = "GRPQ";

Status NoRequest(std::string_view why) {
  return {Code::kInvalidRequest, fmt::format("no part of a query over tenants: {}", why)};
}

Result<SchemaPtr> TakeSchema(ByteReader& in) {
  GRANARY_ASSIGN(Schema schema, Schema::Decode(in.String()));
  return std::make_shared<const Schema>(std::move(schema));
}

Result<PeerSource> TakeSource(ByteReader& in, const std::vector<SchemaPtr>& schemas) {
  PeerSource source;
  GRANARY_ASSIGN(const TenantId tenant, TenantId::Parse(in.String()));
  source.tenant = tenant.str();
  GRANARY_ASSIGN(source.id, SourceId::Parse(in.String()));
  const auto schema = in.Fixed<std::uint32_t>();
  if (schema >= schemas.size()) return NoRequest("a source without a schema");
  source.schema = schemas[schema];
  return source;
}

}  // namespace

std::string EncodePartRequest(const PartRequest& request) {
  std::string out(kMagic);
  PutFixed(out, kPartVersion);
  PutFixed(out, static_cast<std::uint8_t>(request.kind));
  PutString(out, request.tenant);
  PutString(out, request.body);
  std::map<std::string, std::uint32_t> numbers;
  std::string schemas, sources;
  for (const PeerSource& source : request.all) {
    std::string schema;
    source.schema->EncodeTo(schema);
    const auto number = static_cast<std::uint32_t>(numbers.size());
    const auto [at, is_new] = numbers.emplace(std::move(schema), number);
    if (is_new) PutString(schemas, at->first);
    PutString(sources, source.tenant);
    PutString(sources, source.id.str());
    PutFixed(sources, at->second);
  }
  PutFixed(out, static_cast<std::uint32_t>(numbers.size()));
  out.append(schemas);
  PutFixed(out, static_cast<std::uint32_t>(request.all.size()));
  out.append(sources);
  PutFixed(out, request.limit);
  PutFixed(out, request.skip);
  PutString(out, request.cursor);
  return out;
}

Result<PartRequest> DecodePartRequest(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.Take(kMagic.size()) != kMagic) return NoRequest("it does not begin as one");
  const auto version = in.Fixed<std::uint16_t>();
  if (in.ok() && version != kPartVersion) {
    return Status::Unsupported(
        fmt::format("version {} of parts of queries: this node has {}", version, kPartVersion));
  }
  PartRequest out;
  const auto kind = in.Fixed<std::uint8_t>();
  if (kind > static_cast<std::uint8_t>(PartRequest::Kind::kAggregate))
    return NoRequest("an unknown kind");
  out.kind = static_cast<PartRequest::Kind>(kind);
  out.tenant = in.String();
  out.body = in.String();
  std::vector<SchemaPtr> schemas;
  const auto schema_count = in.Fixed<std::uint32_t>();
  for (std::uint32_t i = 0; i < schema_count && in.ok(); ++i) {
    auto schema = TakeSchema(in);
    if (!schema.ok()) return NoRequest(schema.status().message());
    schemas.push_back(schema.Take());
  }
  const auto source_count = in.Fixed<std::uint32_t>();
  for (std::uint32_t i = 0; i < source_count && in.ok(); ++i) {
    auto source = TakeSource(in, schemas);
    if (!source.ok()) return NoRequest(source.status().message());
    out.all.push_back(source.Take());
  }
  out.limit = in.Fixed<std::uint64_t>();
  out.skip = in.Fixed<std::uint64_t>();
  out.cursor = in.String();
  if (!in.ok() || in.remaining() != 0) return NoRequest("it is cut short, or goes on");
  return out;
}

std::string EncodeSources(const SourceList& sources) {
  std::string out;
  PutFixed(out, kPartVersion);
  PutFixed(out, static_cast<std::uint32_t>(sources.sources.size()));
  for (const SourceInfo& source : sources.sources) {
    PutString(out, source.definition.id.str());
    std::string schema;
    source.schema->EncodeTo(schema);
    PutString(out, schema);
  }
  return out;
}

Result<std::vector<PeerSource>> DecodeSources(std::string_view bytes, const std::string& tenant) {
  ByteReader in(bytes);
  if (in.Fixed<std::uint16_t>() != kPartVersion)
    return Status::Corruption("the node's list of sources is of another version");
  const auto count = in.Fixed<std::uint32_t>();
  std::vector<PeerSource> out;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    PeerSource source;
    source.tenant = tenant;
    auto id = SourceId::Parse(in.String());
    auto schema = TakeSchema(in);
    if (!id.ok() || !schema.ok()) return Status::Corruption("the node's list of sources");
    source.id = id.Take();
    source.schema = schema.Take();
    if (!out.empty() && !(out.back().id < source.id))
      return Status::Corruption("the node's list of sources is not in order");
    out.push_back(std::move(source));
  }
  if (!in.ok() || in.remaining() != 0)
    return Status::Corruption("the node's list of sources is cut short, or goes on");
  return out;
}

}  // namespace granary::api

// ReadPublication and ReadBounds (publication_json.h).
#include <algorithm>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "granary/api/object_reader.h"
#include "granary/api/publication_json.h"
#include "granary/base/base64.h"
#include "granary/base/utf8.h"
#include "granary/storage/stats/stats_builder.h"
#include "granary/types/rest_column.h"

namespace granary::api {
namespace {

constexpr std::size_t kPublicationDepth = 12;
constexpr std::uint64_t kAnyCount = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kAnyTime = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kReasonBytesMax = 4'096;
constexpr std::uint64_t kOfAFileMax = std::uint64_t{1} << 42;  ///< Rows, bytes: sums fit 63 bits.

Status WrongMember(const ObjectReader& object, std::string_view name, std::string detail) {
  return Status::Invalid(Code::kInvalidRequest, object.PointerOf(name), std::move(detail));
}

Result<std::uint64_t> CountMember(ObjectReader& object, std::string_view name,
                                  std::uint64_t max = kAnyCount) {
  GRANARY_ASSIGN(const auto value, object.WholeNumber(name, 0, max));
  if (!value) return WrongMember(object, name, "this member is required");
  return *value;
}

Result<std::int64_t> TimeMember(ObjectReader& object, std::string_view name) {
  GRANARY_ASSIGN(const std::uint64_t value, CountMember(object, name, kAnyTime));
  return static_cast<std::int64_t>(value);
}

Result<bool> FlagMember(ObjectReader& object, std::string_view name) {
  GRANARY_ASSIGN(const auto value, object.Boolean(name));
  return value.value_or(false);
}

Result<std::string> WordsMember(ObjectReader& object, std::string_view name) {
  GRANARY_ASSIGN(const auto text, object.Text(name));
  if (text && text->size() > kReasonBytesMax)
    return WrongMember(object, name, fmt::format("at most {} bytes", kReasonBytesMax));
  return text.value_or("");
}

Result<SourceId> ReadId(std::string_view text, const std::string& pointer) {
  Result<SourceId> id = SourceId::Parse(text);
  if (id.ok()) return id;
  return Status::Invalid(Code::kInvalidIdentifier, pointer, std::string(id.status().message()));
}

// A path below a source's folder, and nothing else.
Status CheckPath(const ObjectReader& object, std::string_view name, std::string_view path) {
  bool wrong = path.size() > kPublishedPathBytesMax || path.starts_with('/') ||
               path.find('\0') != std::string_view::npos || !IsValidUtf8(path);
  while (!path.empty() && !wrong) {
    const auto end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    wrong = part.empty() || part == "." || part == "..";
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  if (!wrong) return Status::Ok();
  return Status::Invalid(Code::kInvalidPath, object.PointerOf(name),
                         "it is not a relative path without . and ..");
}

Result<std::string> BytesMember(ObjectReader& object, std::string_view name) {
  GRANARY_ASSIGN(const std::string text, object.RequiredText(name));
  auto bytes = Base64Decode(text);
  if (!bytes) return WrongMember(object, name, "it is not base64");
  return std::move(*bytes);
}

Status NotOurs(const ObjectReader& object, std::string_view name, const Status& why) {
  return WrongMember(
      object, name,
      fmt::format("it does not decode; is the node of another version? {}", why.message()));
}

Status CheckColumns(const ObjectReader& object, const Schema& schema) {
  for (const Column& column : schema.columns()) {
    if (IsRestColumn(column)) continue;
    if (const Status name = CheckColumnName(column.name); !name.ok())
      return WrongMember(object, "schema", std::string(name.message()));
  }
  return Status::Ok();
}

Result<PublishedSchema> ReadSchema(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(node, pointer));
  PublishedSchema out;
  GRANARY_ASSIGN(out.encoded, BytesMember(object, "schema"));
  GRANARY_ASSIGN(out.made_us, TimeMember(object, "made_us"));
  Result<Schema> schema = Schema::Decode(out.encoded);
  if (!schema.ok()) return NotOurs(object, "schema", schema.status());
  out.schema = std::make_shared<const Schema>(schema.Take());
  GRANARY_TRY(object.Finish());
  return out;
}

// An object whose text is kept as it is; numbers stay as they were written.
Result<std::string> ObjectText(ObjectReader& object, std::string_view name) {
  const JsonNode* node = object.Find(name);
  if (node == nullptr) return std::string();
  if (node->kind != JsonNode::Kind::kObject)
    return WrongKind(object.PointerOf(name), "an object", *node);
  std::string out;
  AppendJson(*node, out);
  if (out.size() > kPublishedTextBytesMax)
    return WrongMember(object, name, fmt::format("at most {} bytes", kPublishedTextBytesMax));
  return out;
}

Result<PublishedFile> ReadFile(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(node, pointer));
  PublishedFile out;
  GRANARY_ASSIGN(out.id, CountMember(object, "id"));
  GRANARY_ASSIGN(out.path, object.RequiredText("path"));
  GRANARY_TRY(CheckPath(object, "path", out.path));
  GRANARY_ASSIGN(const auto partition, object.Text("partition"));
  out.partition = partition.value_or("");
  GRANARY_TRY(CheckPath(object, "partition", out.partition));
  GRANARY_ASSIGN(out.bytes, CountMember(object, "bytes", kOfAFileMax));
  GRANARY_ASSIGN(out.rows, CountMember(object, "rows", kOfAFileMax));
  GRANARY_ASSIGN(out.deleted_rows, CountMember(object, "deleted_rows", kOfAFileMax));
  if (out.deleted_rows > out.rows)
    return WrongMember(object, "deleted_rows",
                       fmt::format("{} of {} rows", out.deleted_rows, out.rows));
  GRANARY_ASSIGN(out.min_sequence, CountMember(object, "min_sequence"));
  GRANARY_ASSIGN(out.max_sequence, CountMember(object, "max_sequence"));
  if (out.min_sequence > out.max_sequence)
    return WrongMember(object, "min_sequence", "it is above max_sequence");
  GRANARY_ASSIGN(out.generation, CountMember(object, "generation"));
  GRANARY_ASSIGN(const auto version,
                 CountMember(object, "schema_version", std::numeric_limits<std::uint32_t>::max()));
  out.schema_version = static_cast<std::uint32_t>(version);
  GRANARY_ASSIGN(out.created_us, TimeMember(object, "created_us"));
  GRANARY_ASSIGN(out.columns, ObjectText(object, "columns"));
  GRANARY_TRY(object.Finish());
  return out;
}

Result<std::uint64_t> ReadFileId(const JsonNode& node, const std::string& pointer) {
  const JsonNode holder{.kind = JsonNode::Kind::kObject, .members = {{"id", node}}};
  ObjectReader object(holder, pointer);
  return CountMember(object, "id");
}

Status ReadMerges(ObjectReader& source, PublishedSource& out) {
  const JsonNode* node = source.Find("merges");
  if (node == nullptr) return Status::Ok();
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(*node, source.PointerOf("merges")));
  PublishedMerges merges;
  GRANARY_ASSIGN(merges.merges, CountMember(object, "merges", kAnyTime));
  GRANARY_ASSIGN(merges.bytes, CountMember(object, "bytes", kAnyTime));
  GRANARY_ASSIGN(merges.reason, WordsMember(object, "reason"));
  GRANARY_ASSIGN(merges.debt_files, CountMember(object, "debt_files", kAnyTime));
  GRANARY_ASSIGN(merges.debt_bytes, CountMember(object, "debt_bytes", kAnyTime));
  out.merges = std::move(merges);
  return object.Finish();
}

Status ReadDefinition(ObjectReader& object, PublishedSource& out) {
  if (object.Find("definition") == nullptr) {
    if (out.base == 0)
      return WrongMember(object, "definition", "this member is required where base is 0");
    return Status::Ok();
  }
  GRANARY_ASSIGN(out.definition, BytesMember(object, "definition"));
  const auto definition = storage::SourceDefinition::Decode(out.definition);
  if (!definition.ok()) return NotOurs(object, "definition", definition.status());
  if (definition->id == out.source) return Status::Ok();
  return WrongMember(object, "definition", "it is of another source");
}

Status CheckSchemas(const ObjectReader& object, const PublishedSource& source) {
  std::uint32_t before = 0;
  for (const PublishedSchema& one : source.schemas) {
    GRANARY_TRY(CheckColumns(object, *one.schema));
    if (one.schema->version() <= before)
      return WrongMember(object, "schemas", "versions are not ascending, from 1");
    before = one.schema->version();
  }
  if (source.base == 0 && before == 0)
    return WrongMember(object, "schemas", "at least one is required where base is 0");
  return Status::Ok();
}

Result<PublishedSource> ReadSource(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(node, pointer));
  PublishedSource out;
  GRANARY_ASSIGN(const std::string id, object.RequiredText("source_id"));
  GRANARY_ASSIGN(out.source, ReadId(id, object.PointerOf("source_id")));
  GRANARY_ASSIGN(out.uid, CountMember(object, "uid"));
  GRANARY_ASSIGN(out.base, CountMember(object, "base", kAnyTime));
  GRANARY_ASSIGN(out.number, CountMember(object, "number", kAnyTime));
  if (out.number <= out.base) return WrongMember(object, "number", "it is not above base");
  GRANARY_ASSIGN(out.complete, FlagMember(object, "complete"));
  GRANARY_ASSIGN(out.created_us, TimeMember(object, "created_us"));
  GRANARY_ASSIGN(const auto last_write, object.WholeNumber("last_write_us", 0, kAnyTime));
  if (last_write) out.last_write_us = static_cast<std::int64_t>(*last_write);
  GRANARY_ASSIGN(out.flushed_sequence, CountMember(object, "flushed_sequence"));
  GRANARY_TRY(ReadDefinition(object, out));
  GRANARY_TRY(object.Each("schemas", out.schemas, ReadSchema));
  GRANARY_TRY(CheckSchemas(object, out));
  GRANARY_TRY(object.Each("files", out.files, ReadFile));
  GRANARY_TRY(object.Each("files_gone", out.files_gone, ReadFileId));
  GRANARY_ASSIGN(out.statistics, ObjectText(object, "statistics"));
  GRANARY_ASSIGN(out.bounds, ObjectText(object, "bounds"));
  GRANARY_TRY(ReadMerges(object, out));
  GRANARY_TRY(object.Finish());
  return out;
}

Result<storage::JobState> ReadState(ObjectReader& object) {
  using storage::JobState;
  GRANARY_ASSIGN(const std::string text, object.RequiredText("state"));
  for (const JobState state : {JobState::kQueued, JobState::kRunning, JobState::kDone,
                               JobState::kFailed, JobState::kCancelled}) {
    if (text == storage::JobStateName(state)) return state;
  }
  return WrongMember(object, "state", "expected queued, running, done, failed or cancelled");
}

Result<PublishedCompaction> ReadCompaction(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(node, pointer));
  PublishedCompaction out;
  GRANARY_ASSIGN(out.id, CountMember(object, "id", kAnyTime));
  GRANARY_ASSIGN(out.state, ReadState(object));
  GRANARY_ASSIGN(out.job, WordsMember(object, "job"));
  GRANARY_ASSIGN(out.reason, WordsMember(object, "reason"));
  GRANARY_ASSIGN(out.failure, WordsMember(object, "failure"));
  GRANARY_ASSIGN(out.bytes_total, CountMember(object, "bytes_total", kAnyTime));
  GRANARY_ASSIGN(out.bytes_done, CountMember(object, "bytes_done", kAnyTime));
  GRANARY_ASSIGN(out.counts.merges, CountMember(object, "merges", kAnyTime));
  GRANARY_ASSIGN(out.counts.files_in, CountMember(object, "files_in", kAnyTime));
  GRANARY_ASSIGN(out.counts.files_out, CountMember(object, "files_out", kAnyTime));
  GRANARY_ASSIGN(out.counts.bytes_in, CountMember(object, "bytes_in", kAnyTime));
  GRANARY_ASSIGN(out.counts.bytes_out, CountMember(object, "bytes_out", kAnyTime));
  GRANARY_ASSIGN(out.counts.rows, CountMember(object, "rows", kAnyTime));
  GRANARY_TRY(object.Finish());
  return out;
}

Result<SourceId> ReadGone(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(const std::string text, NonEmptyText(node, pointer));
  return ReadId(text, pointer);
}

}  // namespace

Result<Publication> ReadPublication(std::string_view text) {
  GRANARY_ASSIGN(const JsonNode node, ParseJsonObject(text, kPublicationDepth));
  ObjectReader body(node, "");
  Publication out;
  GRANARY_ASSIGN(out.head.key, body.RequiredText("key"));
  GRANARY_ASSIGN(out.head.tenant, body.RequiredText("tenant_id"));
  if (!IsIdentifier(out.head.tenant)) {
    return Status::Invalid(Code::kInvalidIdentifier, "/tenant_id",
                           std::string(InvalidIdentifier(out.head.tenant).message()));
  }
  GRANARY_ASSIGN(out.head.session, CountMember(body, "session", kAnyTime));
  GRANARY_ASSIGN(out.head.policies, CountMember(body, "policies", kAnyTime));
  GRANARY_ASSIGN(out.all_told, FlagMember(body, "all_told"));
  GRANARY_TRY(body.Each("gone", out.gone, ReadGone));
  GRANARY_TRY(body.Each("sources", out.sources, ReadSource));
  GRANARY_TRY(body.Each("compactions", out.compactions, ReadCompaction));
  GRANARY_TRY(body.Finish());
  return out;
}

std::map<ColumnId, ColumnStats> ReadBounds(const std::string& bounds) {
  std::map<ColumnId, ColumnStats> out;
  const auto node = ParseJsonObject(bounds, kPublicationDepth);
  if (!node.ok()) return out;
  for (const JsonMember& member : node->members) {
    const auto bytes = Base64Decode(member.value.text);
    if (!bytes) continue;
    auto stats = storage::DecodeStats(*bytes);
    if (stats.ok()) out[static_cast<ColumnId>(std::atoi(member.name.c_str()))] = stats.Take();
  }
  return out;
}

}  // namespace granary::api

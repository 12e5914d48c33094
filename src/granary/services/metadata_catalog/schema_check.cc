#include "granary/services/metadata_catalog/schema_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/api/object_reader.h"
#include "granary/api/request_json.h"
#include "granary/api/source_members.h"
#include "granary/base/ids.h"
#include "granary/storage/source/schema_change.h"
#include "granary/types/rest_column.h"

namespace granary::catalog {
namespace {

constexpr std::size_t kQuestionDepth = 64;

// As PATCH says it.
Status AtWidenColumns(const Status& status) {
  if (status.code() != Code::kInvalidRecord || status.fields().size() != 1) return status;
  const FieldError& at = status.fields().front();
  return Status::Invalid(Code::kInvalidDefinition, "/widen_columns" + at.pointer, at.detail);
}

std::vector<std::string> WhatBreaks(const Schema& before, const Schema& after) {
  std::vector<std::string> out;
  for (const Column& column : before.columns()) {
    if (IsRestColumn(column)) continue;
    const Column* now = after.FindId(column.id);
    if (now == nullptr) {
      out.push_back(fmt::format(
          "\"{}\" is not there any more: queries that name it are refused, and a column added "
          "under its name starts empty",
          column.name));
      continue;
    }
    if (now->name != column.name) {
      out.push_back(
          fmt::format("\"{}\" is called \"{}\": queries and records with the old name "
                      "do not find it",
                      column.name, now->name));
    }
    if (now->type != column.type) {
      out.push_back(fmt::format("\"{}\" comes back as {}, not as {}", now->name,
                                now->type.ToString(), column.type.ToString()));
    }
  }
  return out;
}

// Without the "/x: " in front that a message has for its pointer.
Status Behind(const std::string& prefix, const Status& status) {
  std::vector<FieldError> fields = status.fields();
  for (FieldError& field : fields) field.pointer = prefix + field.pointer;
  std::string message(status.message());
  if (!fields.empty()) message = fmt::format("{}: {}", fields[0].pointer, fields[0].detail);
  return {status.code(), std::move(message), std::move(fields)};
}

Status NeedName(api::ObjectReader& body, std::string_view name, std::string& out) {
  GRANARY_ASSIGN(out, body.RequiredText(name));
  if (IsIdentifier(out)) return Status::Ok();
  return Status::Invalid(Code::kInvalidIdentifier, body.PointerOf(name),
                         std::string(InvalidIdentifier(out).message()));
}

}  // namespace

SchemaVerdict CheckSchemaChange(const CheckedSource& source, const storage::SourceChange& change) {
  SchemaVerdict out;
  Result<storage::ChangedSource> next =
      storage::ApplyChange(change, source.schema, source.definition, source.columns_max);
  if (!next.ok()) {
    out.refused = next.status();
    return out;
  }
  if (!next->new_schema) return out;
  const auto partitions = storage::ResolvePartitions(source.definition, source.schema);
  if (!partitions.ok()) {
    out.refused = partitions.status();
    return out;
  }
  const auto stats = [&](ColumnId column) -> Result<ColumnStats> {
    if (source.bounds) {
      const auto found = source.bounds->find(column);
      if (found != source.bounds->end()) return found->second;
    }
    out.depends_on_values = true;
    return ColumnStats{.rows = 0};  // Which any type holds.
  };
  out.refused =
      AtWidenColumns(storage::CheckWidenings(source.schema, next->schema, *partitions, stats));
  if (!out.refused.ok()) return out;
  out.change = storage::DescribeChange(&source.schema, next->schema);
  out.breaks = WhatBreaks(source.schema, next->schema);
  out.next = std::move(next->schema);
  return out;
}

storage::SourceChange ChangeTo(const Schema& schema,
                               const std::vector<storage::DeclaredColumn>& wanted) {
  storage::SourceChange out;
  for (const storage::DeclaredColumn& column : wanted) {
    const Column* there = schema.Find(column.name);
    if (there == nullptr)
      out.add_columns.push_back(column);
    else if (there->type != column.type)
      out.widen_columns.push_back(column);
  }
  for (const Column& column : schema.columns()) {
    if (IsRestColumn(column)) continue;
    const bool is_wanted = std::ranges::any_of(
        wanted, [&](const storage::DeclaredColumn& one) { return one.name == column.name; });
    if (!is_wanted) out.drop_columns.push_back(column.name);
  }
  return out;
}

Result<SchemaQuestion> ParseSchemaQuestion(std::string_view text) {
  GRANARY_ASSIGN(const api::JsonNode root, api::ParseJsonObject(text, kQuestionDepth));
  api::ObjectReader body(root, "");
  SchemaQuestion out;
  GRANARY_TRY(NeedName(body, "tenant_id", out.tenant));
  GRANARY_TRY(NeedName(body, "source_id", out.source));
  const api::JsonNode* change = body.Find("change");
  const bool has_schema = body.Find("schema_definition") != nullptr;
  if ((change != nullptr) == has_schema) {
    return Status::Invalid(Code::kInvalidRequest, "/change",
                           "one of change and schema_definition is required");
  }
  if (has_schema) {
    out.pointer = "/schema_definition";
    GRANARY_TRY(api::ReadColumns(body, "schema_definition", out.wanted));
  } else {
    out.pointer = "/change";
    std::string patch;
    api::AppendJson(*change, patch);
    const auto parsed = api::ParseSourceChange(patch);
    if (!parsed.ok()) return Behind(out.pointer, parsed.status());
    out.change = *parsed;
  }
  GRANARY_TRY(body.Finish());
  return out;
}

}  // namespace granary::catalog

#include "granary/storage/manifest/source_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "granary/storage/manifest/findings.h"
#include "granary/types/rest_column.h"
#include "granary/types/widening.h"

namespace granary::storage {
namespace {

// A column on its way to the next schema.
struct Edited {
  Column column;
  const Column* before = nullptr;
  std::string pointer;  // Of the member that renamed it; else empty.
  bool dropped = false;
  bool renamed = false;
  bool widened = false;
};

// The columns of a schema while a change goes over them.
class Editor {
 public:
  Editor(const SourceChange& change, const Schema& schema, const SourceDefinition& definition)
      : change_(change), schema_(schema), definition_(definition) {
    for (const Column& column : schema.columns())
      edited_.push_back({.column = column, .before = &column, .pointer = {}});
  }

  Result<Schema> Apply(std::size_t columns_max) {
    GRANARY_TRY(CheckOffered());
    CheckMode();
    Drop();
    Rename();
    Widen();
    std::vector<Column> columns = Kept();
    ColumnId last_id = Add(columns);
    if (columns.size() > columns_max + keeps_rest() && columns.size() > schema_.columns().size()) {
      findings_.Add("/add_columns", fmt::format("a source has at most {} columns, these make {}",
                                                columns_max, columns.size() - keeps_rest()));
    }
    GRANARY_TRY(findings_.Take());
    if (change_.schema_mode == SchemaMode::kJson && keeps_rest() == 0)
      columns.push_back({++last_id, std::string(kRestColumnName), TypeKind::kJson});
    if (columns == schema_.columns()) return schema_;
    return Schema(schema_.version() + 1, last_id, std::move(columns));
  }

  // The name that a column of the schema before has now; nothing when it is gone.
  std::optional<std::string> NewName(std::string_view old) const {
    const int at = schema_.IndexOf(old);
    if (at < 0) return std::string(old);
    const Edited& edited = edited_[static_cast<std::size_t>(at)];
    return edited.dropped ? std::nullopt : std::optional(edited.column.name);
  }

 private:
  Status CheckOffered() const {
    const auto later = [](std::string pointer, std::string_view what) {
      return Status::Invalid(Code::kUnsupported, std::move(pointer),
                             fmt::format("{} is not offered by this version", what));
    };
    for (const DeclaredColumn& to : change_.widen_columns) {
      const Column* column = schema_.Find(to.name);
      const bool to_any = to.type.kind() == TypeKind::kString || to.type.kind() == TypeKind::kJson;
      if (column != nullptr && to_any && column->type != to.type) {
        return later("/widen_columns/" + PointerStep(to.name),
                     fmt::format("widening {} to {}", column->type.ToString(), to.type.ToString()));
      }
    }
    return Status::Ok();
  }

  // How many columns are there that nobody declared.
  std::size_t keeps_rest() const { return RestColumn(schema_) == nullptr ? 0 : 1; }

  void CheckMode() {
    if (keeps_rest() == 0 || change_.schema_mode.value_or(SchemaMode::kJson) == SchemaMode::kJson)
      return;
    findings_.Add("/schema_mode",
                  "a source of schema_mode json stays one: what its records have beside the "
                  "declared columns has no place in another");
  }

  Edited* Find(std::string_view name, const std::string& pointer) {
    const int at = schema_.IndexOf(name);
    if (at >= 0 && name != kRestColumnName) return &edited_[static_cast<std::size_t>(at)];
    findings_.Add(pointer, fmt::format("the source has no column \"{}\"", name));
    return nullptr;
  }

  // Why the column must stay; empty when it need not.
  std::string UseOf(const std::string& name) const {
    const auto is_it = [&name](const auto& declared) { return declared.column == name; };
    if (std::ranges::any_of(definition_.partitions, is_it))
      return "divides the source into partitions";
    const bool index_goes =
        std::ranges::find(change_.drop_indexes, name) != change_.drop_indexes.end();
    if (std::ranges::any_of(definition_.indexes, is_it) && !index_goes)
      return "is indexed: drop its index first";
    const bool sorts =
        std::ranges::find(definition_.sort_columns, name) != definition_.sort_columns.end();
    if (sorts && !change_.sort_columns.has_value())
      return "sorts the files: take it out of sort_columns";
    if (IsInKey(name)) return "is part of the primary key";
    const bool retains = definition_.retention && definition_.retention->column == name;
    if (retains && !change_.retention.has_value())
      return "decides when records go: change or remove the retention first";
    return "";
  }

  bool IsInKey(const std::string& name) const {
    return std::ranges::find(definition_.primary_key, name) != definition_.primary_key.end();
  }

  void Drop() {
    for (std::size_t i = 0; i < change_.drop_columns.size(); ++i) {
      const std::string& name = change_.drop_columns[i];
      const std::string pointer = fmt::format("/drop_columns/{}", i);
      Edited* edited = Find(name, pointer);
      if (edited == nullptr) continue;
      if (edited->dropped) findings_.Add(pointer, fmt::format("column \"{}\" twice", name));
      if (const std::string use = UseOf(name); !use.empty()) {
        findings_.Add(pointer, fmt::format("column \"{}\" cannot be dropped: it {}", name, use));
      }
      edited->dropped = true;
    }
  }

  void Rename() {
    for (const ColumnRename& rename : change_.rename_columns) {
      const std::string pointer = "/rename_columns/" + PointerStep(rename.from);
      findings_.Add(pointer, CheckColumnName(rename.to));
      if (keeps_rest() != 0) {
        findings_.Add(pointer,
                      "a column of a source of schema_mode json keeps its name, which its records "
                      "use: add a column, or read the member under its own name");
        continue;
      }
      Edited* edited = Find(rename.from, pointer);
      if (edited == nullptr) continue;
      if (edited->dropped || edited->renamed) {
        findings_.Add(pointer, fmt::format("column \"{}\" is {} too", rename.from,
                                           edited->dropped ? "dropped" : "renamed"));
      }
      edited->renamed = true;
      edited->column.name = rename.to;
      edited->pointer = pointer;
    }
  }

  void Widen() {
    for (const DeclaredColumn& to : change_.widen_columns) {
      const std::string pointer = "/widen_columns/" + PointerStep(to.name);
      Edited* edited = Find(to.name, pointer);
      if (edited == nullptr) continue;
      const DataType& from = edited->before->type;
      if (edited->dropped || edited->widened) {
        findings_.Add(pointer, fmt::format("column \"{}\" is {} too", to.name,
                                           edited->dropped ? "dropped" : "widened"));
      } else if (WideningOf(from, to.type) == Widening::kNever) {
        findings_.Add(pointer,
                      fmt::format("{} cannot become {}: not every value has an equal there",
                                  from.ToString(), to.type.ToString()));
      }
      // Keys are compared by what they are written as, in files of every age.
      if (IsInKey(to.name) && !(from == to.type)) {
        findings_.Add(pointer, fmt::format("column \"{}\" cannot be widened: it is part of the "
                                           "primary key",
                                           to.name));
      }
      edited->widened = true;
      edited->column.type = to.type;
    }
  }

  // What is left of the columns before. Names are compared once all renames are known.
  std::vector<Column> Kept() {
    std::vector<Column> columns;
    // Those that keep their names come first: a rename is what is wrong when two meet.
    for (const Edited& edited : edited_) {
      if (!edited.dropped && !edited.renamed) taken_.emplace(edited.column.name, "");
    }
    for (const Edited& edited : edited_) {
      if (edited.dropped) continue;
      if (edited.renamed && !taken_.emplace(edited.column.name, edited.pointer).second) {
        findings_.Add(edited.pointer,
                      fmt::format("column \"{}\" exists already", edited.column.name));
      }
      columns.push_back(edited.column);
    }
    return columns;
  }

  ColumnId Add(std::vector<Column>& columns) {
    ColumnId last_id = schema_.last_id();
    for (const DeclaredColumn& added : change_.add_columns) {
      const std::string pointer = "/add_columns/" + PointerStep(added.name);
      findings_.Add(pointer, CheckColumnName(added.name));
      if (!taken_.emplace(added.name, pointer).second)
        findings_.Add(pointer, fmt::format("column \"{}\" exists already", added.name));
      columns.push_back({++last_id, added.name, added.type});
    }
    return last_id;
  }

  const SourceChange& change_;
  const Schema& schema_;
  const SourceDefinition& definition_;
  std::vector<Edited> edited_;
  std::map<std::string, std::string, std::less<>> taken_;  // Names, and the member that took each.
  Findings findings_;
};

// The declared columns as they are now. Those that a write added are in the schema alone.
void FollowColumns(const SourceChange& change, const Schema& before, const Schema& after,
                   SourceDefinition& definition) {
  std::vector<DeclaredColumn> declared;
  for (const DeclaredColumn& column : definition.columns) {
    const Column* old = before.Find(column.name);
    const Column* now = old == nullptr ? nullptr : after.FindId(old->id);
    if (now != nullptr) declared.push_back({now->name, now->type});
  }
  for (const DeclaredColumn& added : change.add_columns) declared.push_back(added);
  definition.columns = std::move(declared);
}

void FollowNames(const Editor& editor, SourceDefinition& definition) {
  for (DeclaredPartition& partition : definition.partitions)
    partition.column = editor.NewName(partition.column).value_or(partition.column);
  for (DeclaredIndex& index : definition.indexes)
    index.column = editor.NewName(index.column).value_or(index.column);
  std::vector<std::string> sort_columns;
  for (const std::string& name : definition.sort_columns) {
    if (const auto now = editor.NewName(name)) sort_columns.push_back(*now);
  }
  definition.sort_columns = std::move(sort_columns);
  for (std::string& name : definition.primary_key) name = editor.NewName(name).value_or(name);
  if (definition.retention) {
    std::string& name = definition.retention->column;
    name = editor.NewName(name).value_or(name);
  }
  std::map<std::string, Codec> codecs;
  for (const auto& [name, codec] : definition.compression.columns) {
    if (const auto now = editor.NewName(name)) codecs.emplace(*now, codec);
  }
  definition.compression.columns = std::move(codecs);
}

// Drops name columns as they were, so they come before the renames; adds come after them.
Status DropIndexes(const SourceChange& change, SourceDefinition& definition) {
  Findings findings;
  for (std::size_t i = 0; i < change.drop_indexes.size(); ++i) {
    const std::string& name = change.drop_indexes[i];
    const auto is_it = [&name](const DeclaredIndex& index) { return index.column == name; };
    if (std::erase_if(definition.indexes, is_it) == 0) {
      findings.Add(fmt::format("/drop_indexes/{}", i),
                   fmt::format("column \"{}\" has no declared index", name));
    }
  }
  return findings.Take();
}

Status AddIndexes(const SourceChange& change, const Schema& schema, SourceDefinition& definition) {
  Findings findings;
  for (std::size_t i = 0; i < change.add_indexes.size(); ++i) {
    const DeclaredIndex& added = change.add_indexes[i];
    const std::string pointer = fmt::format("/add_indexes/{}", i);
    const Column* column = schema.Find(added.column);
    if (column == nullptr || IsRestColumn(*column)) {
      findings.Add(pointer, fmt::format("the source has no column \"{}\"", added.column));
      continue;
    }
    if (!IsIndexable(column->type)) {
      findings.Add(pointer,
                   fmt::format("a column of type {} cannot be indexed", column->type.ToString()));
      continue;
    }
    const std::size_t before = ResolveIndexes(definition, schema).size();
    definition.indexes.push_back(added);
    if (ResolveIndexes(definition, schema).size() == before)
      findings.Add(pointer, fmt::format("column \"{}\" has that index already", added.column));
  }
  return findings.Take();
}

void FollowPolicies(const SourceChange& change, SourceDefinition& definition) {
  if (change.name) definition.name = change.name->empty() ? definition.id.str() : *change.name;
  if (change.connection_string) definition.connection_string = *change.connection_string;
  if (change.compression) definition.compression = *change.compression;
  if (change.compression_level) definition.compression.level = change.compression_level;
  if (change.max_file_size_mb) definition.max_file_size_mb = *change.max_file_size_mb;
  if (change.sort_columns) definition.sort_columns = *change.sort_columns;
  if (change.schema_mode) definition.schema_mode = *change.schema_mode;
  if (change.durability) definition.durability = *change.durability;
  if (change.retention) definition.retention = *change.retention;
}

}  // namespace

Result<ChangedSource> ApplyChange(const SourceChange& change, const Schema& schema,
                                  const SourceDefinition& definition, std::size_t columns_max) {
  Editor editor(change, schema, definition);
  ChangedSource changed{.schema = schema, .definition = definition};
  GRANARY_ASSIGN(changed.schema, editor.Apply(columns_max));
  FollowColumns(change, schema, changed.schema, changed.definition);
  GRANARY_TRY(DropIndexes(change, changed.definition));
  FollowNames(editor, changed.definition);
  GRANARY_TRY(AddIndexes(change, changed.schema, changed.definition));
  FollowPolicies(change, changed.definition);
  GRANARY_TRY(CheckDefinition(changed.definition, changed.schema));
  changed.new_schema = changed.schema.version() != schema.version();
  changed.new_definition = !(changed.definition == definition);
  return changed;
}

std::string DescribeChange(const Schema* before, const Schema& after) {
  if (before == nullptr) return fmt::format("created with {} columns", DeclaredColumns(after));
  std::string words;
  const auto add = [&words](const std::string& part) {
    words += (words.empty() ? "" : "; ") + part;
  };
  for (const Column& old : before->columns()) {
    const Column* now = after.FindId(old.id);
    if (now == nullptr) {
      add(fmt::format("dropped {}", old.name));
      continue;
    }
    if (now->name != old.name) add(fmt::format("renamed {} to {}", old.name, now->name));
    if (!(now->type == old.type)) {
      add(fmt::format("widened {} from {} to {}", now->name, old.type.ToString(),
                      now->type.ToString()));
    }
  }
  for (const Column& column : after.columns()) {
    if (before->FindId(column.id) == nullptr)
      add(fmt::format("added {} ({})", column.name, column.type.ToString()));
  }
  return words;
}

}  // namespace granary::storage

#include "granary/json/json_path.h"

#include <functional>
#include <optional>
#include <utility>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <fmt/format.h>

#include "granary/json/cell.h"
#include "granary/json/document_reader.h"
#include "granary/json/leaf_matcher.h"

namespace granary::json {
namespace {

namespace ondemand = simdjson::ondemand;
using ondemand::json_type;

/// Calls `visit` for what the path leads to. An array on the way means each of its elements.
template <typename Visit>
class Walk {
 public:
  Walk(const std::vector<std::string>& path, CellContext& context, Visit visit)
      : path_(path), context_(context), visit_(std::move(visit)) {}

  Taken From(Cell& cell, std::size_t depth) {
    if (depth == path_.size()) return visit_(cell);
    if (cell.type == json_type::object) return Into(cell, depth);
    return cell.type == json_type::array ? Across(cell, depth) : Taken::kYes;
  }
  bool crossed_array() const { return crossed_array_; }

 private:
  Taken Into(Cell& cell, std::size_t depth) {
    ondemand::object object;
    if (const auto error = cell.value.get_object().get(object)) return context_.Break(error);
    for (auto item : object) {
      ondemand::field field;
      if (const auto error = std::move(item).get(field)) return context_.Break(error);
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return context_.Break(error);
      if (key != path_[depth]) continue;
      Cell member;
      if (const Taken taken = ReadCell(field.value(), context_, member); taken != Taken::kYes)
        return taken;
      return From(member, depth + 1);
    }
    return Taken::kYes;
  }

  Taken Across(Cell& cell, std::size_t depth) {
    crossed_array_ = true;
    const NestedCell nested(context_);
    if (nested.too_deep()) return context_.Break(simdjson::DEPTH_ERROR);
    ondemand::array array;
    if (const auto error = cell.value.get_array().get(array)) return context_.Break(error);
    for (auto item : array) {
      ondemand::value value;
      if (const auto error = item.get(value)) return context_.Break(error);
      Cell element;
      if (const Taken taken = ReadCell(value, context_, element); taken != Taken::kYes)
        return taken;
      if (const Taken taken = From(element, depth); taken != Taken::kYes) return taken;
    }
    return Taken::kYes;
  }

  const std::vector<std::string>& path_;
  CellContext& context_;
  Visit visit_;
  bool crossed_array_ = false;
};

Status BadDocument(std::int64_t row, const CellContext& context) {
  return Status::Corruption(
      fmt::format("the document in row {} is no JSON: {}", row, context.failure.message()));
}

Status CheckDocuments(const arrow::Array& documents) {
  if (documents.type_id() == arrow::Type::STRING) return Status::Ok();
  return Status::Internal(fmt::format("documents of type {}", documents.type()->ToString()));
}

template <typename Builder>
Result<std::shared_ptr<arrow::Array>> Finished(Builder& builder) {
  auto array = builder.Finish();
  if (!array.ok()) return Status::Internal(array.status().ToString());
  return array.MoveValueUnsafe();
}

/// The text at `path` in one document: nothing when missing or null; an array of what was found
/// when the path crosses one.
Taken ExtractText(Cell& document, const std::vector<std::string>& path, CellContext& context,
                  std::optional<std::string>& found) {
  std::size_t count = 0;
  std::string texts;
  Walk walk(path, context, [&](Cell& cell) {
    if (cell.IsNull()) return Taken::kYes;
    if (count++ > 0) texts.push_back(',');
    return AppendMinified(cell, context, texts);
  });
  const Taken taken = walk.From(document, 0);
  found.reset();
  if (taken == Taken::kYes && count > 0) {
    found = walk.crossed_array() ? "[" + texts + "]" : std::move(texts);
  }
  return taken;
}

}  // namespace

Result<std::vector<std::string>> SplitPath(std::string_view dotted) {
  std::vector<std::string> keys(1);
  for (std::size_t i = 0; i < dotted.size(); ++i) {
    if (dotted[i] == '.') {
      keys.emplace_back();
      continue;
    }
    if (dotted[i] == '\\' && ++i == dotted.size()) {
      return Status(Code::kUnknownColumn, fmt::format("\"{}\" ends in a lone backslash", dotted));
    }
    keys.back().push_back(dotted[i]);
  }
  return keys;
}

Result<std::shared_ptr<arrow::Array>> EvaluatePath(const arrow::Array& documents,
                                                   const Predicate& leaf) {
  GRANARY_TRY(CheckDocuments(documents));
  GRANARY_ASSIGN(LeafMatcher matcher, LeafMatcher::Make(leaf));
  const auto& texts = static_cast<const arrow::StringArray&>(documents);
  arrow::BooleanBuilder builder;
  if (const auto status = builder.Reserve(texts.length()); !status.ok()) {
    return Status::Internal(status.ToString());
  }
  DocumentReader reader;
  CellContext context;
  Walk walk(leaf.path, context, [&](Cell& cell) { return matcher.Add(cell, context); });
  for (std::int64_t row = 0; row < texts.length(); ++row) {
    if (texts.IsValid(row)) {
      Cell document;
      Taken taken = reader.Read(texts.GetView(row), context, document);
      if (taken == Taken::kYes) taken = walk.From(document, 0);
      if (taken != Taken::kYes) return BadDocument(row, context);
    }
    if (const auto outcome = matcher.Finish()) {
      builder.UnsafeAppend(*outcome);
    } else {
      builder.UnsafeAppendNull();
    }
  }
  return Finished(builder);
}

Result<std::shared_ptr<arrow::Array>> ExtractPath(const arrow::Array& documents,
                                                  const std::vector<std::string>& path) {
  GRANARY_TRY(CheckDocuments(documents));
  const auto& texts = static_cast<const arrow::StringArray&>(documents);
  arrow::StringBuilder builder;
  DocumentReader reader;
  CellContext context;
  for (std::int64_t row = 0; row < texts.length(); ++row) {
    std::optional<std::string> found;
    if (texts.IsValid(row)) {
      Cell document;
      Taken taken = reader.Read(texts.GetView(row), context, document);
      if (taken == Taken::kYes) taken = ExtractText(document, path, context, found);
      if (taken != Taken::kYes) return BadDocument(row, context);
    }
    const auto status = found ? builder.Append(*found) : builder.AppendNull();
    if (!status.ok()) return Status::Internal(status.ToString());
  }
  return Finished(builder);
}

}  // namespace granary::json

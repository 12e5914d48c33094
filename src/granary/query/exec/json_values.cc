#include "granary/query/exec/json_values.h"

#include <arrow/array.h>
#include <arrow/builder.h>

#include "granary/json/document_reader.h"
#include "granary/query/exec/sort_key.h"
#include "granary/types/number_text.h"

namespace granary::query {
namespace {

Status BuilderStatus(const arrow::Status& status) {
  return status.ok() ? Status::Ok() : Status::Internal(status.ToString());
}

bool IsContainer(std::string_view text) { return text.starts_with('{') || text.starts_with('['); }

/// AppendCanonical ends every element with a comma; JSON does not want the last one.
void AppendWithoutLastCommas(std::string_view text, std::string& out) {
  bool in_string = false;
  bool escaped = false;
  for (const char c : text) {
    if (!in_string && (c == ']' || c == '}') && out.back() == ',') out.pop_back();
    if (c == '"' && !escaped) in_string = !in_string;
    escaped = in_string && c == '\\' && !escaped;
    out.push_back(c);
  }
}

/// The bytes of a JSON string's text.
std::string Unquoted(std::string_view text) {
  const std::string_view inner = text.substr(1, text.size() - 2);
  if (inner.find('\\') == inner.npos) return std::string(inner);
  json::DocumentReader reader;
  json::CellContext context;
  json::Cell cell;
  if (reader.Read(text, context, cell) != json::Taken::kYes) return std::string(inner);
  return std::string(cell.text);
}

}  // namespace

bool IsNumberText(std::string_view text) {
  return !text.empty() && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9')) &&
         IsJsonNumber(text);
}

Result<std::shared_ptr<arrow::Array>> CanonicalTexts(const arrow::Array& texts) {
  const auto& in = static_cast<const arrow::StringArray&>(texts);
  arrow::StringBuilder builder;
  json::DocumentReader reader;
  json::CellContext context;
  std::string canonical;
  for (std::int64_t i = 0; i < in.length(); ++i) {
    if (in.IsNull(i)) {
      GRANARY_TRY(BuilderStatus(builder.AppendNull()));
      continue;
    }
    const std::string_view text = in.GetView(i);
    canonical.clear();
    if (IsNumberText(text)) {
      AppendNormalNumber(text, canonical);
    } else if (IsContainer(text)) {
      json::Cell cell;
      std::string with_commas;
      if (reader.Read(text, context, cell) != json::Taken::kYes ||
          json::AppendCanonical(cell, context, with_commas) != json::Taken::kYes) {
        return Status::Corruption("a document that is no JSON");
      }
      AppendWithoutLastCommas(with_commas, canonical);
    } else {
      canonical = text;
    }
    GRANARY_TRY(BuilderStatus(builder.Append(canonical)));
  }
  std::shared_ptr<arrow::Array> out;
  GRANARY_TRY(BuilderStatus(builder.Finish(&out)));
  return out;
}

Result<std::shared_ptr<arrow::Array>> NumbersOf(const arrow::Array& texts) {
  const auto& in = static_cast<const arrow::StringArray&>(texts);
  arrow::DoubleBuilder builder;
  GRANARY_TRY(BuilderStatus(builder.Reserve(in.length())));
  for (std::int64_t i = 0; i < in.length(); ++i) {
    if (in.IsValid(i) && IsNumberText(in.GetView(i))) {
      builder.UnsafeAppend(NearestDouble(in.GetView(i)));
    } else {
      builder.UnsafeAppendNull();
    }
  }
  std::shared_ptr<arrow::Array> out;
  GRANARY_TRY(BuilderStatus(builder.Finish(&out)));
  return out;
}

void AppendJsonOrder(std::string_view text, std::string& out) {
  if (IsNumberText(text)) {
    out.push_back('\1');
    return AppendNumberOrder(text, out);
  }
  if (text.size() >= 2 && text[0] == '"') {
    out.push_back('\2');
    AppendBytesOrder(Unquoted(text), out);
    return;
  }
  out.push_back(IsContainer(text) ? '\4' : '\3');
  AppendBytesOrder(text, out);
}

}  // namespace granary::query

#include "granary/cli/record_file.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/cli/csv_record_file.h"
#include "granary/cli/json_record_file.h"
#include "granary/cli/table_record_file.h"

namespace granary::cli {

Result<FileFormat> ChooseFormat(std::string_view name, std::string_view path) {
  std::string_view word = name;
  if (word.empty()) {
    const std::size_t dot = path.rfind('.');
    word = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
  }
  if (word == "csv") return FileFormat::kCsv;
  if (word == "ndjson" || word == "jsonl") return FileFormat::kNdjson;
  if (word == "json") return FileFormat::kJson;
  if (word == "arrow" || word == "arrows" || word == "feather") return FileFormat::kArrow;
  if (word == "parquet") return FileFormat::kParquet;
  return Status(Code::kInvalidArgument, fmt::format("{}: cannot tell the format from \"{}\"; say "
                                                    "--format csv, ndjson, json, arrow or parquet",
                                                    path, word));
}

Result<std::unique_ptr<RecordFile>> RecordFile::Open(const std::string& path, FileFormat format,
                                                     const NullTexts& nulls) {
  switch (format) {
    case FileFormat::kCsv: return OpenCsv(path, nulls);
    case FileFormat::kArrow: {
      GRANARY_ASSIGN(auto table, TableFile::OpenArrow(path));
      return MakeTableRecordFile(std::move(table));
    }
    case FileFormat::kParquet: {
      GRANARY_ASSIGN(auto table, TableFile::OpenParquet(path));
      return MakeTableRecordFile(std::move(table));
    }
    case FileFormat::kNdjson: return OpenNdjson(path);
    case FileFormat::kJson: return OpenJsonArray(path);
  }
  return Status::Internal("unknown file format");
}

}  // namespace granary::cli

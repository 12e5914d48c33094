// CsvReader: RFC 4180 with a header line; lines may also end with LF or CR alone. A cell stands for
// the JSON value that its column's type reads, so that one parser decides what a text means.
//
// Cells      empty: null. "": an empty text. A number column takes JSON's numbers, bool true and
//            false in any case, json and lists take JSON text. A column that the schema lacks is of
//            numbers, of bools, or else of strings, as the first chunk that has values says, without
//            the records that are left out.
// Errors     a record of too many or too few cells, quotes out of place: with line and column; such
//            a record may be left out. Quotes that are never closed refuse the body, as does a
//            header with a column that a strict source lacks.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "granary/formats/table_reader.h"
#include "granary/formats/text_lines.h"

namespace granary::formats {

/// What cells of a column stand for in JSON.
enum class CellForm : std::uint8_t { kText, kNumber, kBool, kJson };

class CsvReader final : public TableReader {
 public:
  CsvReader(ByteSource source, const ReadLimits& limits);
  Result<std::unique_ptr<TableChunk>> Next() override;
  Status CheckColumns(const Schema& schema) const override;

  struct ColumnState {
    std::string name;
    std::optional<CellForm> found;  ///< For a column that the schema lacks, once known.
  };

 private:
  Status ReadHeader();

  const ReadLimits limits_;
  TextLines lines_;
  json::RecordParser parser_;
  std::vector<ColumnState> columns_;
  bool has_header_ = false;
  std::uint64_t records_ = 0;
};

}  // namespace granary::formats

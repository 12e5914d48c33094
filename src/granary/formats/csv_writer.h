// CsvWriter: rows as RFC 4180 CSV: a header line, CRLF ends, quotes where they are needed.
//
// Values     null is nothing at all, an empty string is ""; texts as in JSON answers otherwise
//            (decimals and int64 to the digit, binary as base64, NaN as NaN); lists and json
//            columns are JSON text, so a json string keeps its own quotes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "granary/formats/table_writer.h"
#include "granary/json/batch_writer.h"

namespace granary::formats {

/// Appends `text` as a field, quoted when it is empty or holds a comma, a quote or a line's end.
void AppendCsvField(std::string_view text, std::string& out);

class CsvWriter final : public TableWriter {
 public:
  Status Begin(const TableShape& shape, std::string& out) override;
  Status Add(const TableRows& rows, std::string& out) override;
  Status Finish(std::string&) override { return Status::Ok(); }

 private:
  TableShape shape_;
  std::string value_;  // Of one field; kept for its memory.
};

}  // namespace granary::formats

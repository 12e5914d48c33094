// ParquetWriter: rows as one Parquet file, row group after row group; the footer comes with Finish,
// so a file that was cut is not one.
//
// Types      timestamps in s, which Parquet lacks, are stored in ms; the Arrow schema in the footer
//            gives Arrow's readers the exact types back.
#pragma once

#include <memory>
#include <string>

#include "granary/formats/table_writer.h"

namespace parquet::arrow {
class FileWriter;
}

namespace granary::formats {

class TextStream;

class ParquetWriter final : public TableWriter {
 public:
  ParquetWriter();
  ~ParquetWriter() override;
  Status Begin(const TableShape& shape, std::string& out) override;
  Status Add(const TableRows& rows, std::string& out) override;
  Status Finish(std::string& out) override;

 private:
  Status WriteRowGroup();

  TableShape shape_;
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<TextStream> stream_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  arrow::RecordBatchVector pending_;
  std::int64_t pending_rows_ = 0;
  std::int64_t pending_bytes_ = 0;
};

}  // namespace granary::formats

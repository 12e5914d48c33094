// ArrowWriter: rows as Arrow's IPC stream; each call's rows are a record batch of their own.
#pragma once

#include <memory>
#include <string>

#include "granary/formats/table_writer.h"

namespace arrow::ipc {
class RecordBatchWriter;
}

namespace granary::formats {

class TextStream;

class ArrowWriter final : public TableWriter {
 public:
  ArrowWriter();
  ~ArrowWriter() override;
  Status Begin(const TableShape& shape, std::string& out) override;
  Status Add(const TableRows& rows, std::string& out) override;
  Status Finish(std::string& out) override;

 private:
  TableShape shape_;
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<TextStream> stream_;
  std::shared_ptr<arrow::ipc::RecordBatchWriter> writer_;
};

}  // namespace granary::formats

#include "granary/cli/json_record_file.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <simdjson.h>

namespace granary::cli {
namespace {

void AppendRecord(std::string_view object, bool first, std::string& out) {
  out += first ? R"({"fields":)" : R"(,{"fields":)";
  out += object;
  out += '}';
}

std::uint64_t FileBytes(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  return error ? 0 : bytes;
}

class NdjsonRecordFile final : public RecordFile {
 public:
  explicit NdjsonRecordFile(const std::string& path)
      : path_(path), in_(path), bytes_total_(FileBytes(path)) {}

  bool open() const { return in_.is_open(); }
  const std::vector<storage::DeclaredColumn>& columns() const override { return columns_; }
  std::uint64_t bytes_total() const override { return bytes_total_; }
  std::uint64_t bytes_read() const override { return bytes_read_; }

  Result<std::size_t> Next(std::size_t records_max, std::size_t bytes_max,
                           std::string& out) override {
    const std::size_t start = out.size();
    std::size_t records = 0;
    std::string line;
    while (records < records_max && (records == 0 || out.size() - start < bytes_max) &&
           std::getline(in_, line)) {
      bytes_read_ += line.size() + 1;
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      AppendRecord(line, records == 0, out);
      ++records;
    }
    if (in_.bad()) return Status::IoError(path_ + ": cannot read on");
    return records;
  }

 private:
  std::string path_;
  std::ifstream in_;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::vector<storage::DeclaredColumn> columns_;
};

class JsonArrayRecordFile final : public RecordFile {
 public:
  JsonArrayRecordFile(std::string path, simdjson::padded_string text)
      : path_(std::move(path)), text_(std::move(text)) {}

  // Finds the objects once; their texts point into text_.
  Status Prepare() {
    simdjson::ondemand::parser parser;
    simdjson::ondemand::document document;
    simdjson::ondemand::array array;
    if (auto error = parser.iterate(text_).get(document); error) return Invalid(error);
    if (auto error = document.get_array().get(array); error) return Invalid(error);
    for (auto element : array) {
      simdjson::ondemand::value value;
      std::string_view raw;
      if (auto error = element.get(value); error) return Invalid(error);
      if (auto error = simdjson::to_json_string(value).get(raw); error) return Invalid(error);
      objects_.push_back(raw);
    }
    return Status::Ok();
  }

  const std::vector<storage::DeclaredColumn>& columns() const override { return columns_; }
  std::uint64_t bytes_total() const override { return objects_.size(); }
  std::uint64_t bytes_read() const override { return next_; }

  Result<std::size_t> Next(std::size_t records_max, std::size_t bytes_max,
                           std::string& out) override {
    const std::size_t start = out.size();
    std::size_t records = 0;
    while (records < records_max && next_ < objects_.size() &&
           (records == 0 || out.size() - start < bytes_max)) {
      AppendRecord(objects_[next_++], records == 0, out);
      ++records;
    }
    return records;
  }

 private:
  Status Invalid(simdjson::error_code error) const {
    return Status(Code::kInvalidJson,
                  path_ + ": not an array of objects: " + simdjson::error_message(error));
  }

  std::string path_;
  simdjson::padded_string text_;
  std::vector<std::string_view> objects_;
  std::size_t next_ = 0;
  std::vector<storage::DeclaredColumn> columns_;
};

}  // namespace

Result<std::unique_ptr<RecordFile>> OpenNdjson(const std::string& path) {
  auto file = std::make_unique<NdjsonRecordFile>(path);
  if (!file->open()) return Status(Code::kNotFound, path + ": cannot open");
  return std::unique_ptr<RecordFile>(std::move(file));
}

Result<std::unique_ptr<RecordFile>> OpenJsonArray(const std::string& path) {
  simdjson::padded_string text;
  if (auto error = simdjson::padded_string::load(path).get(text); error) {
    return Status(Code::kNotFound, path + ": cannot read");
  }
  auto file = std::make_unique<JsonArrayRecordFile>(path, std::move(text));
  GRANARY_TRY(file->Prepare());
  return std::unique_ptr<RecordFile>(std::move(file));
}

}  // namespace granary::cli

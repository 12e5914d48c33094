// Writes one segment a codec with a column of every type, and what they hold as JSON:
//   granary_compat_samples <folder> <seed>
#include <fmt/format.h>

#include <fstream>
#include <random>

#include <arrow/builder.h>
#include <arrow/compute/initialize.h>

#include "granary/io/posix_file_system.h"
#include "granary/storage/segment/segment_test_support.h"

namespace granary::storage {
namespace {

constexpr std::int64_t kRows = 400;

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

/// Numbers as text, so that none passes through a double; everything that is bytes in hexadecimal.
std::string ToJson(const Value& value, const DataType& type) {
  if (IsNull(value)) return "null";
  if (const auto* integer = std::get_if<std::int64_t>(&value))
    return fmt::format("\"{}\"", *integer);
  if (const auto* bytes = std::get_if<std::string>(&value))
    return fmt::format("\"{}\"", Hex(*bytes));
  return fmt::format("\"{}\"", ValueToText(value, type));
}

std::string ColumnJson(const std::string& name, const DataType& type, const arrow::Array& array) {
  std::string values;
  for (std::int64_t row = 0; row < array.length(); ++row) {
    values += (row == 0 ? "" : ",") + ToJson(ValueAt(array, row), type);
  }
  return fmt::format("{{\"name\":\"{}\",\"type\":\"{}\",\"values\":[{}]}}", name, type.ToString(),
                     values);
}

/// Instants that every reader has: DuckDB's nanoseconds end in 2262.
sample::Rows SampleRows(sample::Generator& random, const Schema& schema, bool whole_micros) {
  sample::Rows rows = sample::RandomRows(random, schema, kRows);
  for (int i = 0; i < rows.batch->num_columns(); ++i) {
    const DataType& type = schema.columns()[static_cast<std::size_t>(i)].type;
    const bool is_nanos = type.kind() == TypeKind::kTimestamp && type.unit() == TimeUnit::kNano;
    if (!is_nanos || !whole_micros) continue;
    std::vector<Value> values;
    for (std::int64_t row = 0; row < kRows; ++row) {
      Value value = ValueAt(*rows.batch->column(i), row);
      if (auto* nanos = std::get_if<std::int64_t>(&value)) *nanos -= *nanos % 1000;
      values.push_back(std::move(value));
    }
    rows.batch = rows.batch->SetColumn(i, schema.ToArrow()->field(i), sample::ArrayOf(type, values))
                     .ValueOrDie();
  }
  return rows;
}

Status Write(const std::string& folder, const std::string& codec, bool whole_micros,
             sample::Generator& random) {
  io::PosixFileSystem files;
  const SchemaPtr schema = sample::SchemaOf(sample::ScalarTypes());
  const sample::Rows rows = SampleRows(random, *schema, whole_micros);
  const std::string name = codec + (whole_micros ? "_micros" : "_nanos");
  SegmentWriterOptions options{.row_group_rows = 150};
  GRANARY_ASSIGN(options.compression.codec, ParseCodec(codec));
  GRANARY_ASSIGN(const auto writer, SegmentWriter::Create(files, io::Failpoints::None(), folder,
                                                          name + ".parquet", schema, options));
  GRANARY_TRY(writer->Append(rows.batch, rows.sequences));
  GRANARY_ASSIGN(const SegmentMeta meta, writer->Finish());

  std::ofstream expected(folder + "/" + name + ".json");
  expected << "[" << ColumnJson("_seq", TypeKind::kInt64, *rows.sequences);
  for (const Column& column : schema->columns()) {
    expected << ","
             << ColumnJson(column.name, column.type, *rows.batch->GetColumnByName(column.name));
  }
  expected << "]\n";
  return expected.good() ? Status::Ok() : Status::IoError("cannot write " + name + ".json");
}

int Main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: {} <folder> <seed>\n", argv[0]);
    return 2;
  }
  if (!arrow::compute::Initialize().ok()) return 1;
  sample::Generator random(std::stoull(argv[2]));
  for (const char* codec : {"none", "snappy", "zstd", "lz4", "gzip", "brotli"}) {
    for (const bool whole_micros : {false, true}) {
      if (const Status status = Write(argv[1], codec, whole_micros, random); !status.ok()) {
        fmt::print(stderr, "{}\n", status.ToString());
        return 1;
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace granary::storage

int main(int argc, char** argv) { return granary::storage::Main(argc, argv); }

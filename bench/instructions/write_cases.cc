// What a write costs, from its text to the log and the hot tier, and coming back from the log.
#include <arrow/api.h>
#include <fmt/format.h>

#include "granary/io/clock.h"
#include "granary/io/failpoint.h"
#include "granary/json/record_parser.h"
#include "granary/runtime/spill_space.h"
#include "granary/storage/memtable/memtable.h"
#include "granary/storage/segment/segment_writer.h"
#include "granary/storage/source/segment_merger.h"
#include "granary/storage/wal/batch_codec.h"
#include "granary/storage/wal/wal_lane.h"
#include "instruction_case.h"
#include "orders.h"

namespace granary::bench {
namespace {

constexpr std::int64_t kBatchRows = 1'000;

std::function<void()> JsonToColumns() {
  return [parser = std::make_shared<json::RecordParser>(json::RecordLimits{}),
          text = OrdersJson(0, kBatchRows)] {
    Must(parser->Parse(text, "/records", json::RecordShape::kFields, json::SchemaMode::kStrict,
                       OrdersSchema()));
  };
}

// One record a request is what most clients send: what a request costs before its first value.
std::function<void()> JsonToColumnsSingle() {
  return [parser = std::make_shared<json::RecordParser>(json::RecordLimits{}),
          text = OrdersJson(0, 1)] {
    for (int i = 0; i < 200; ++i) {
      Must(parser->Parse(text, "/records", json::RecordShape::kFields, json::SchemaMode::kStrict,
                         OrdersSchema()));
    }
  };
}

/// A lane in a folder of its own.
struct Lane {
  testing::TempDirectory directory;
  io::PosixFileSystem files;
  io::SystemClock clock;
  std::unique_ptr<storage::WalLane> lane;

  void Open(const storage::WalLane::ReplayFn& replay) {
    lane.reset();
    storage::WalLaneOptions options;
    options.directory = directory.Join("lane");
    options.file_bytes = 16u << 20;
    lane = Must(storage::WalLane::Open(files, clock, io::Failpoints::None(), Logger::Null(),
                                       options, replay));
  }

  void Write(const arrow::RecordBatch& batch) {
    storage::WalFrame frame;
    frame.tenant = "acme";
    frame.source = "orders";
    frame.source_uid = SourceUid{1};
    frame.records = static_cast<std::uint32_t>(batch.num_rows());
    frame.payload = Must(storage::EncodeBatch(batch));
    Must(lane->Wait(Must(lane->Enqueue(std::move(frame), [](const Status& s) { Must(s); }))));
  }
};

// A batch a group: as one client sends them.
std::function<void()> WalAppend() {
  auto lane = std::make_shared<Lane>();
  lane->Open([](const storage::WalFrame&) { return Status::Ok(); });
  return [lane, batch = OrdersBatch(0, 100)] {
    for (int i = 0; i < 20; ++i) lane->Write(*batch);
  };
}

std::function<void()> WalReplay() {
  auto lane = std::make_shared<Lane>();
  lane->Open([](const storage::WalFrame&) { return Status::Ok(); });
  const auto batch = OrdersBatch(0, kBatchRows);
  for (int i = 0; i < 20; ++i) lane->Write(*batch);
  return [lane] {
    lane->Open([](const storage::WalFrame& frame) {
      return HoldsRecords(frame.kind)
                 ? storage::DecodeBatch(frame.payload, OrdersSchema()->ToArrow()).status()
                 : Status::Ok();
    });
  };
}

std::function<void()> MemtableAppend() {
  return [batch = OrdersBatch(0, kBatchRows)] {
    storage::Memtable table;
    for (int i = 0; i < 20; ++i) {
      Must(table.Append(OrdersSchema(), *batch, static_cast<std::uint64_t>(i * kBatchRows + 1)));
    }
  };
}

std::function<void()> SegmentWrite() {
  struct Folder {
    testing::TempDirectory directory;
    io::PosixFileSystem files;
  };
  constexpr std::int64_t kRows = 20'000;
  return [folder = std::make_shared<Folder>(), batch = OrdersBatch(0, kRows),
          sequences = SequencesFrom(0, kRows)] {
    auto writer = Must(storage::SegmentWriter::Create(folder->files, io::Failpoints::None(),
                                                      folder->directory.path(), "orders.parquet",
                                                      OrdersSchema(), {}));
    Must(writer->Append(batch, sequences));
    Must(writer->Finish());
    Must(folder->files.Remove(folder->directory.Join("orders.parquet")));
  };
}

/// Files that follow each other, as flushes leave them.
struct FlushedFiles {
  testing::TempDirectory directory;
  io::PosixFileSystem files;
  storage::SegmentFiles segment_files{files, {}};
  runtime::SpillSpace spill{files, directory.Join("spill")};
  std::vector<std::shared_ptr<const storage::Segment>> segments;

  void Write(int count, std::int64_t rows) {
    for (int i = 0; i < count; ++i) {
      auto writer = Must(
          storage::SegmentWriter::Create(files, io::Failpoints::None(), directory.path(),
                                         fmt::format("flushed-{}.parquet", i), OrdersSchema(), {}));
      Must(writer->Append(OrdersBatch(i * rows, rows), SequencesFrom(i * rows, rows)));
      storage::SegmentMeta meta = Must(writer->Finish());
      meta.id = SegmentId{static_cast<std::uint64_t>(i) + 1};
      segments.push_back(std::make_shared<storage::Segment>(segment_files, directory.path(),
                                                            std::move(meta), OrdersSchema()));
    }
  }

  void Merge() {
    const storage::MergeDeps deps{.files = files,
                                  .failpoints = io::Failpoints::None(),
                                  .spill = spill,
                                  .next_id = [] { return Result<SegmentId>(SegmentId{100}); },
                                  .go_on = [] { return Status::Ok(); },
                                  .progress = {}};
    storage::MergeOptions options;
    options.files.folder = directory.path();
    options.files.schema = OrdersSchema();
    options.files.indexes = {{kOrderId, storage::IndexKind::kHash}};
    std::optional<SegmentId> damaged;
    storage::DiscardSegments(files, directory.path(),
                             Must(storage::MergeSegments(deps, options, segments, damaged)));
  }
};

std::function<void()> SegmentMerge() {
  auto flushed = std::make_shared<FlushedFiles>();
  flushed->Write(4, 5'000);
  return [flushed] { flushed->Merge(); };
}

}  // namespace

std::vector<InstructionCase> WriteCases() {
  return {{"json_to_columns", JsonToColumns},  {"json_to_columns_single", JsonToColumnsSingle},
          {"wal_append", WalAppend},           {"wal_replay", WalReplay},
          {"memtable_append", MemtableAppend}, {"segment_write", SegmentWrite},
          {"segment_merge", SegmentMerge}};
}

}  // namespace granary::bench

#include "granary/cli/check_command.h"

#include <cstdio>

#include <fmt/format.h>

#include "granary/cli/progress_bar.h"
#include "granary/io/posix_file_system.h"
#include "granary/storage/source/folder_check.h"

namespace granary::cli {

Status RunCheck(const std::string& data_path) {
  io::PosixFileSystem files;
  ProgressBar bar("check");
  std::uint64_t looked_at = 0;
  const auto report = storage::CheckDataFolder(
      files, data_path, [&](const std::string&, std::uint64_t done, std::uint64_t total) {
        bar.Update(total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total),
                   ++looked_at);
      });
  if (!report.ok()) return report.status();
  bar.Finish(looked_at);
  fmt::print("{} tenants, {} sources\n", report->tenants, report->sources);
  fmt::print("{} segments whole: {} bytes, {} records\n", report->segments,
             WithThousands(report->segment_bytes), WithThousands(report->segment_rows));
  if (report->retired > 0)
    fmt::print("{} of them replaced by compaction, kept for cursors\n", report->retired);
  if (report->deleted_rows > 0) {
    fmt::print("{} of the records are deleted, until their segments are merged\n",
               WithThousands(report->deleted_rows));
  }
  fmt::print("{} indexes\n", report->indexes);
  fmt::print("{} log files: {} frames, {} records not in segments yet\n", report->log_files,
             WithThousands(report->frames), WithThousands(report->unflushed_records));
  for (const std::string& note : report->notes) fmt::print("note: {}\n", note);
  for (const std::string& damage : report->damage) fmt::print("DAMAGED: {}\n", damage);
  if (report->damage.empty()) return Status::Ok();
  return Status::Corruption(
      fmt::format("{}: {} places are damaged", data_path, report->damage.size()));
}

}  // namespace granary::cli

// Silences: alerts that somebody knows about and wants to hear no more of for a while.
//
// Kept       in a JSON file that is replaced whole; a change is on the disk when it returns.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/io/file_system.h"
#include "granary/services/monitoring/alert_rules.h"

namespace granary::services {

struct Silence {
  std::string id;
  std::string rule;     ///< Of the alerts; empty: of any.
  std::string service;  ///< Empty: of any.
  std::string node;     ///< Of the fleet; empty: of any, and of services that are none.
  std::string comment;
  std::int64_t until_us = 0;

  bool Covers(const Alert& alert) const {
    return (rule.empty() || rule == alert.rule) && (service.empty() || service == alert.service) &&
           (node.empty() || node == alert.node);
  }
};

/// {"rule"?, "service"?, "node"?, "comment"?, "minutes": 60}: a silence that begins now. Refusals
/// have their pointer; at least one of rule, service and node is needed, and minutes are at most
/// 43,200 (30 days).
Result<Silence> ParseSilence(std::string_view json, const std::vector<AlertRule>& rules,
                             std::int64_t now_us);
std::string SilenceJson(const Silence& silence);

class SilenceBook {
 public:
  static constexpr std::size_t kSilencesMax = 1'000;

  SilenceBook(std::string path, io::FileSystem& files, const io::Clock& clock)
      : path_(std::move(path)), files_(files), clock_(clock) {}

  /// kCorruption for a file that is none of ours; no file: no silences.
  Status Load();
  /// Gives it an id. kQuotaExceeded past kSilencesMax.
  Result<Silence> Add(Silence silence);
  /// kNotFound.
  Status End(std::string_view id);
  /// Those that have not ended.
  std::vector<Silence> Active() const;
  bool Covers(const Alert& alert) const;

 private:
  Status Save(const std::vector<Silence>& silences);

  const std::string path_;
  io::FileSystem& files_;
  const io::Clock& clock_;
  mutable std::mutex mutex_;
  std::vector<Silence> silences_;
};

}  // namespace granary::services

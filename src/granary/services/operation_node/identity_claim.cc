#include "granary/services/operation_node/identity_claim.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "granary/security/digest.h"

namespace granary::operation {
namespace {

constexpr std::size_t kInstanceBytes = 8;
constexpr std::int64_t kNanosInAMilli = 1'000'000;

}  // namespace

Result<std::string> InstanceOf(const std::string& folder) {
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  struct stat found {};
  if (::stat(folder.c_str(), &found) != 0)
    return Status::IoError(fmt::format("{}: {}", folder, std::strerror(errno)));
  const std::string all = fmt::format("{} {} {}", boot, found.st_dev, found.st_ino);
  return security::Hex(security::Sha256(all).substr(0, kInstanceBytes));
}

ClaimStep DecideClaim(const ClaimLook& look) {
  if (!look.is_there) return ClaimStep::kWrite;
  if (look.is_ours) return look.same_ms >= kClaimRenewMs ? ClaimStep::kWrite : ClaimStep::kHold;
  return look.same_ms >= kClaimMs ? ClaimStep::kWrite : ClaimStep::kRefused;
}

IdentityClaim::IdentityClaim(std::string id, std::string instance, std::string where, Fleet& fleet,
                             const io::Clock& clock, Logger& log)
    : id_(std::move(id)),
      instance_(std::move(instance)),
      where_(std::move(where)),
      fleet_(fleet),
      clock_(clock),
      log_(log),
      status_(Code::kUnavailable,
              "whether another copy of this Operation Node runs is not known yet; try again soon") {
}

void IdentityClaim::Work(const FleetView& view) {
  const std::int64_t now_ns = clock_.MonotonicNanos();
  const std::uint64_t version = view.VersionOf(kClaimKind, id_);
  if (std::exchange(version_, version) != version) since_ns_ = now_ns;
  const Kept<Claim>* row = view.FindClaim(id_);
  const bool is_ours = row != nullptr && row->value.instance == instance_;
  switch (DecideClaim({version != 0, is_ours, (now_ns - since_ns_) / kNanosInAMilli})) {
    case ClaimStep::kHold: return Tell(Status::Ok());
    case ClaimStep::kWrite:
      // Who cannot be heard keeps what they have; who was overtaken looks again.
      if (const Status written = Write(view); written.ok() || is_ours) Tell(Status::Ok());
      return;
    case ClaimStep::kRefused: break;
  }
  // Machines and folders are for the log alone.
  Tell(
      {Code::kUnavailable,
       fmt::format("another copy of this Operation Node, '{}', is at work; the log says where. Two "
                   "must not share one identity: remove the file 'identity' of the copy's folder "
                   "and start it anew, or stop the other one",
                   id_)},
      row == nullptr ? "its row cannot be read" : row->value.where);
}

Status IdentityClaim::Write(const FleetView& view) {
  const Kept<Claim>* row = view.FindClaim(id_);
  const std::uint64_t turn = row == nullptr ? 1 : row->value.turn + 1;
  return fleet_.Note({{std::string(kClaimKind), id_, view.VersionOf(kClaimKind, id_),
                       ClaimBody({instance_, where_, turn})}});
}

void IdentityClaim::Tell(Status status, const std::string& where) {
  const std::lock_guard lock(mutex_);
  if (status_.message() != status.message()) {
    if (status.ok())
      log_.Info("this Operation Node is the only one of its name", {{"id", id_}});
    else
      log_.Error("this Operation Node changes nothing",
                 {{"error", status.message()}, {"other", where}});
  }
  status_ = std::move(status);
}

Status IdentityClaim::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void IdentityClaim::Release() {
  const FleetViewPtr view = fleet_.Last();
  if (view == nullptr || !status().ok()) return;
  const Kept<Claim>* row = view->FindClaim(id_);
  if (row == nullptr || row->value.instance != instance_) return;
  // Who cannot be told waits for it to grow old.
  (void)fleet_.Note({{std::string(kClaimKind), id_, row->version, std::nullopt}}).ok();
}

}  // namespace granary::operation

#include "granary/services/tenant_node/machine_cpu.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

namespace granary::services {
namespace {

std::vector<int> AffinityCpus() {
  std::vector<int> out;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return out;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) out.push_back(cpu);
  return out;
}

std::int64_t OwnCpuNs() {
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) != 0) return 0;
  const auto nanos = [](const timeval& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + std::int64_t{time.tv_usec} * 1000;
  };
  return nanos(used.ru_utime) + nanos(used.ru_stime);
}

std::optional<std::string> ReadKernelFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Takes the next line, or word, off the front.
std::string_view Next(std::string_view& text, char end) {
  const auto at = std::min(text.find(end), text.size());
  const std::string_view out = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return out;
}

std::optional<double> NumberOf(std::string_view word) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || value <= 0) return std::nullopt;
  return static_cast<double>(value);
}

/// "200000 100000": so many microseconds in each period of so many; "max" and -1 are no limit.
std::optional<double> QuotaOf(const std::optional<std::string>& quota,
                              const std::optional<std::string>& period) {
  if (!quota || !period) return std::nullopt;
  std::string_view quota_text = *quota, period_text = *period;
  const auto used = NumberOf(Next(quota_text, '\n'));
  const auto of = NumberOf(Next(period_text, '\n'));
  if (!used || !of) return std::nullopt;
  return *used / *of;
}

std::optional<double> QuotaOfV2(const ReadKernelFn& read, const std::string& folder) {
  const auto text = read(folder + "/cpu.max");
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  const std::string quota(Next(rest, ' '));
  return QuotaOf(quota, std::string(rest));
}

/// The least of the process' own control group and those above it.
std::optional<double> ReadQuota(const ReadKernelFn& read) {
  std::optional<double> least;
  const auto lower = [&least](const std::optional<double>& quota) {
    if (quota && (!least || *quota < *least)) least = quota;
  };
  const auto groups = read("/proc/self/cgroup");
  std::string_view rest = groups ? std::string_view(*groups) : std::string_view();
  while (!rest.empty()) {
    std::string_view line = Next(rest, '\n');
    Next(line, ':');
    const std::string_view controllers = Next(line, ':');
    const bool is_v1 = controllers.find("cpu") == 0 && controllers.find("cpuset") != 0;
    if (!line.starts_with('/') || !(controllers.empty() || is_v1)) continue;
    for (std::string path(line);; path.resize(path.rfind('/'))) {
      if (path == "/") path.clear();
      if (is_v1) {
        const std::string folder = "/sys/fs/cgroup/cpu" + path;
        lower(QuotaOf(read(folder + "/cpu.cfs_quota_us"), read(folder + "/cpu.cfs_period_us")));
      } else {
        lower(QuotaOfV2(read, "/sys/fs/cgroup" + path));
      }
      if (path.empty()) break;
    }
  }
  return least;
}

}  // namespace

MachineCpu::MachineCpu(Sources sources)
    : sources_(std::move(sources)),
      quota_cpus_(ReadQuota(sources_.read)),
      before_(ReadTicks().value_or(Ticks{})),
      own_ns_(sources_.own_cpu_ns()),
      looked_ns_(sources_.clock.MonotonicNanos()) {}

MachineCpu::MachineCpu(const io::Clock& clock)
    : MachineCpu({ReadKernelFile, AffinityCpus(), OwnCpuNs, clock}) {}

std::size_t MachineCpu::cpus() const {
  const std::size_t all = std::max<std::size_t>(sources_.cpus.size(), 1);
  if (!quota_cpus_) return all;
  return std::clamp<std::size_t>(static_cast<std::size_t>(std::ceil(*quota_cpus_)), 1, all);
}

// "cpu3 user nice system idle iowait irq softirq steal guest guest_nice", in ticks; user has guest
// in it. Whoever waits for a disk uses no CPU; what a hypervisor took from us is gone.
std::optional<MachineCpu::Ticks> MachineCpu::ReadTicks() const {
  const auto text = sources_.read("/proc/stat");
  if (!text) return std::nullopt;
  Ticks sum;
  std::string_view rest = *text;
  while (rest.starts_with("cpu")) {
    std::string_view line = Next(rest, '\n');
    std::string_view name = Next(line, ' ');
    name.remove_prefix(3);
    int cpu = -1;
    if (std::from_chars(name.data(), name.data() + name.size(), cpu).ec != std::errc()) continue;
    if (std::ranges::find(sources_.cpus, cpu) == sources_.cpus.end()) continue;
    constexpr std::size_t kIdle = 3, kIowait = 4, kSteal = 7;
    for (std::size_t column = 0; column <= kSteal && !line.empty(); ++column) {
      const auto ticks = static_cast<std::uint64_t>(NumberOf(Next(line, ' ')).value_or(0));
      sum.all += ticks;
      if (column != kIdle && column != kIowait) sum.busy += ticks;
    }
  }
  return sum;
}

double MachineCpu::BusyPercent() {
  const Ticks now = ReadTicks().value_or(Ticks{});
  const Ticks before = std::exchange(before_, now);
  const std::int64_t own_ns = sources_.own_cpu_ns();
  const std::int64_t now_ns = sources_.clock.MonotonicNanos();
  const auto used_ns = static_cast<double>(own_ns - std::exchange(own_ns_, own_ns));
  const auto passed_ns = static_cast<double>(now_ns - std::exchange(looked_ns_, now_ns));
  double busy = 0;
  if (now.all > before.all && now.busy >= before.busy)
    busy = static_cast<double>(now.busy - before.busy) / static_cast<double>(now.all - before.all);
  if (passed_ns > 0) {
    const double own_cpus = quota_cpus_.value_or(static_cast<double>(cpus()));
    busy = std::max(busy, used_ns / passed_ns / own_cpus);
  }
  return 100 * std::min(busy, 1.0);
}

}  // namespace granary::services

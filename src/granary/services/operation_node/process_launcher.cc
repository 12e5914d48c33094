#include "granary/services/operation_node/process_launcher.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <fmt/format.h>

namespace granary::operation {
namespace {

constexpr std::int64_t kNanosOfAMilli = 1'000'000;
constexpr std::chrono::milliseconds kChildLookEvery{10};
constexpr int kCannotExec = 127;

constexpr const char* kInherited[] = {"PATH",         "HOME",         "TZ",
                                      "LANG",         "TMPDIR",       "LD_LIBRARY_PATH",
                                      "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"};

std::vector<std::string> EnvironmentOf(const NodeSpec& spec) {
  std::vector<std::string> out;
  for (const char* name : kInherited)
    if (const char* value = std::getenv(name)) out.push_back(fmt::format("{}={}", name, value));
  for (const auto& [name, value] : spec.settings) out.push_back(fmt::format("{}={}", name, value));
  return out;
}

std::vector<char*> PointersTo(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// Between fork and exec other threads' locks may be held for ever: system calls alone.
[[noreturn]] void BecomeNode(const char* program, char* const* arguments, char* const* environment,
                             const char* folder, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kCannotExec);  // It ended before we could say so.
  ::setpgid(0, 0);  // A Ctrl-C is for the parent, who then ends us in order.
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGPIPE, SIGCHLD, SIGHUP, SIGINT, SIGTERM}) ::signal(number, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  // Sockets of ours that some library opened without O_CLOEXEC would keep a port taken.
  ::syscall(SYS_close_range, 3U, ~0U, 0U);
  if (::chdir(folder) == 0) ::execve(program, arguments, environment);
  ::_exit(kCannotExec);
}

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

}  // namespace

ProcessLauncher::ProcessLauncher(ProcessOptions options, const io::Clock& clock)
    : options_(std::move(options)), clock_(clock) {
  // Whoever started us may ignore it, which is inherited: the kernel would then let nobody wait.
  ::signal(SIGCHLD, SIG_DFL);
}

ProcessLauncher::~ProcessLauncher() { EndAll(); }

Status ProcessLauncher::Start(const NodeSpec& spec) {
  if (IsRunning(spec.node))
    return {Code::kConflict, fmt::format("the node '{}' runs already", spec.node)};
  std::vector<std::string> arguments = {"granary"};
  arguments.insert(arguments.end(), options_.arguments.begin(), options_.arguments.end());
  std::vector<std::string> environment = EnvironmentOf(spec);
  const std::vector<char*> argument_pointers = PointersTo(arguments);
  const std::vector<char*> environment_pointers = PointersTo(environment);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0)
    return Status::IoError(fmt::format("cannot start a process: {}", std::strerror(errno)));
  if (pid == 0) {
    BecomeNode(options_.program.c_str(), argument_pointers.data(), environment_pointers.data(),
               spec.folder.c_str(), parent);
  }
  children_[spec.node] = {pid, clock_.MonotonicNanos(), 0};
  return Status::Ok();
}

void ProcessLauncher::Stop(const std::string& node) {
  const auto found = children_.find(node);
  if (found == children_.end() || found->second.asked_ns != 0) return;
  found->second.asked_ns = clock_.MonotonicNanos();
  ::kill(found->second.pid, SIGTERM);
}

std::vector<NodeExit> ProcessLauncher::TakeExits() {
  std::vector<NodeExit> out;
  const std::int64_t now_ns = clock_.MonotonicNanos();
  for (auto at = children_.begin(); at != children_.end();) {
    const Child& child = at->second;
    int status = 0;
    const pid_t ended = ::waitpid(child.pid, &status, WNOHANG);
    // That it is not our child any more is its end, too; its pid may be another's by now.
    const bool is_gone = ended == child.pid || (ended < 0 && errno == ECHILD);
    if (!is_gone) {
      if (child.asked_ns != 0 && now_ns - child.asked_ns > options_.stop_ms * kNanosOfAMilli)
        ::kill(child.pid, SIGKILL);
      ++at;
      continue;
    }
    out.push_back({at->first, ended < 0 ? "nobody saw how" : HowItEnded(status),
                   (clock_.MonotonicNanos() - child.started_ns) / kNanosOfAMilli,
                   child.asked_ns != 0});
    at = children_.erase(at);
  }
  return out;
}

void ProcessLauncher::EndAll() {
  for (const auto& [node, child] : children_) Stop(node);
  const std::int64_t until_ns = clock_.MonotonicNanos() + options_.stop_ms * kNanosOfAMilli;
  while (!children_.empty() && clock_.MonotonicNanos() < until_ns) {
    (void)TakeExits();
    // The kernel tells of a child's end by a signal that a library must not take from its program.
    if (!children_.empty()) std::this_thread::sleep_for(kChildLookEvery);
  }
  for (const auto& [node, child] : children_) {
    ::kill(child.pid, SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
  }
  children_.clear();
}

}  // namespace granary::operation

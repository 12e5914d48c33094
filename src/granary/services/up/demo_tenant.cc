#include "granary/services/up/demo_tenant.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "granary/api/json_node.h"
#include "granary/base/ids.h"
#include "granary/io/posix_file_system.h"
#include "granary/net/http_client.h"
#include "granary/security/secret_file.h"

namespace granary::services {
namespace {

constexpr std::int64_t kDemoTimeoutMs = 60'000;
constexpr std::chrono::seconds kServedWithin{60};
constexpr std::chrono::milliseconds kLookEvery{50};
constexpr std::size_t kDemoDepth = 16;

Status StopsNow() { return {Code::kCancelled, "the services are stopping"}; }

const api::JsonNode* DemoMember(const api::JsonNode& node, std::string_view name) {
  for (const api::JsonMember& member : node.members)
    if (member.name == name) return &member.value;
  return nullptr;
}

std::string DemoText(const api::JsonNode& node, std::string_view name) {
  const api::JsonNode* found = DemoMember(node, name);
  return found == nullptr ? "" : found->text;
}

// The JSON object of an answer below 400.
Result<api::JsonNode> AskService(const std::string& url, const std::string& credential,
                                 std::string_view method, const std::string& target,
                                 const std::string& body) {
  GRANARY_ASSIGN(net::HttpClient client, net::HttpClient::Create(url, kDemoTimeoutMs));
  net::Headers headers;
  if (!credential.empty()) headers.Set("Authorization", "Bearer " + credential);
  if (!body.empty()) headers.Set("Content-Type", "application/json");
  GRANARY_ASSIGN(const net::ClientResponse answer, client.Send(method, target, body, headers));
  GRANARY_ASSIGN(api::JsonNode node, api::ParseJsonObject(answer.body, kDemoDepth));
  if (answer.status < 400) return node;
  return Status(
      answer.status == 404 ? Code::kNotFound : Code::kUnavailable,
      fmt::format("{} {}: HTTP {}: {}", method, target, answer.status, DemoText(node, "detail")));
}

struct DemoFile {
  std::string path, source;
  std::uintmax_t bytes = 0;
};

// The small ones first: there is something to ask soon.
Result<std::vector<DemoFile>> FilesIn(const std::string& folder) {
  std::error_code error;
  std::vector<DemoFile> out;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    const std::filesystem::path& path = at->path();
    if (path.extension() != ".csv" || !IsIdentifier(path.stem().string())) continue;
    out.push_back({path.string(), path.stem().string(), at->file_size(error)});
  }
  if (error) return Status::IoError(fmt::format("DEMO_DATA '{}': {}", folder, error.message()));
  if (out.empty()) {
    return Status(Code::kNotFound,
                  fmt::format("DEMO_DATA '{}' has no CSV file (NAME.csv)", folder));
  }
  std::ranges::sort(out, {}, [](const DemoFile& file) {
    return std::pair(file.bytes, std::string_view(file.source));
  });
  return out;
}

}  // namespace

DemoTenant::DemoTenant(DemoOptions options, Logger& log)
    : options_(std::move(options)), key_file_(options_.folder + "/key"), log_(log) {}

DemoTenant::~DemoTenant() { (void)Stop(); }

Status DemoTenant::Open() {
  thread_ = std::thread([this] { Run(); });
  return Status::Ok();
}

Status DemoTenant::Stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  return Status::Ok();
}

void DemoTenant::Run() {
  const Status made = Make();
  if (made.ok() || made.code() == Code::kCancelled) return;
  log_.Warn("the demo tenant is not whole; the next start goes on with it",
            {{"error", made.ToString()}});
}

Status DemoTenant::Make() {
  io::PosixFileSystem files;
  GRANARY_ASSIGN(const bool goes_on, files.Exists(key_file_));
  const std::string first_key = options_.first_key();
  if (!goes_on && first_key.empty()) return Status::Ok();  // It was made, or never was to be.
  GRANARY_TRY(FilesIn(options_.data).status());            // Before anything is made for nothing.
  if (!goes_on) {
    GRANARY_TRY(AskService(options_.operation_url, options_.fleet_key, "POST", "/tenants",
                           fmt::format(R"({{"tenant_id":"{}","name":"Demo"}})", kDemoTenant))
                    .status());
    GRANARY_TRY(files.CreateDirectories(options_.folder));
    GRANARY_TRY(MakeKey(first_key));
  }
  GRANARY_TRY(WaitUntilServed());
  GRANARY_TRY(Fill());
  GRANARY_ASSIGN(const std::string key, ReadKey());
  fmt::print(
      "The demo tenant '{}' has its data. This key of it is shown once:\n\n    {}\n\n"
      "  curl -H \"X-API-Key: $KEY\" {}/sources\n",
      kDemoTenant, key, options_.gateway_url);
  std::fflush(stdout);
  return files.Remove(key_file_);
}

Status DemoTenant::MakeKey(const std::string& first_key) {
  GRANARY_ASSIGN(
      const api::JsonNode user,
      AskService(
          options_.gateway_url, first_key, "POST", "/auth/users",
          fmt::format(R"({{"username":"demo","tenant_id":"{}","roles":["admin"]}})", kDemoTenant)));
  GRANARY_ASSIGN(const api::JsonNode key,
                 AskService(options_.gateway_url, first_key, "POST", "/auth/keys",
                            fmt::format(R"({{"user_id":"{}","name":"the demo tenant"}})",
                                        DemoText(user, "user_id"))));
  io::PosixFileSystem files;
  return security::WriteSecretFile(files, key_file_, DemoText(key, "key") + "\n");
}

// By its node, and that found by the gateway, which may still know where it was before.
Status DemoTenant::WaitUntilServed() {
  GRANARY_ASSIGN(const std::string key, ReadKey());
  const auto until = std::chrono::steady_clock::now() + kServedWithin;
  while (!stopping_) {
    const auto tenant = AskService(options_.operation_url, options_.fleet_key, "GET",
                                   fmt::format("/tenants/{}", kDemoTenant), {});
    if (tenant.status().code() == Code::kNotFound) return tenant.status();
    const api::JsonNode* serving = tenant.ok() ? DemoMember(*tenant, "serving") : nullptr;
    Status reached(Code::kUnavailable,
                   tenant.ok() ? DemoText(*tenant, "reason") : tenant.status().ToString());
    if (serving != nullptr && serving->boolean) {
      reached = AskService(options_.gateway_url, key, "GET", "/sources", {}).status();
      if (reached.ok()) return reached;
    }
    if (std::chrono::steady_clock::now() > until) {
      return {Code::kUnavailable, fmt::format("its node does not serve it: {}", reached.message())};
    }
    std::this_thread::sleep_for(kLookEvery);  // The Operation Node tells nobody by itself.
  }
  return StopsNow();
}

Result<std::string> DemoTenant::ReadKey() const {
  io::PosixFileSystem files;
  GRANARY_ASSIGN(std::string key, files.ReadFile(key_file_));
  if (key.ends_with('\n')) key.pop_back();
  return key;
}

Status DemoTenant::Fill() {
  GRANARY_ASSIGN(const std::string key, ReadKey());
  GRANARY_ASSIGN(const std::vector<DemoFile> tables, FilesIn(options_.data));
  for (const DemoFile& table : tables) {
    if (stopping_) return StopsNow();
    const auto stats = AskService(options_.gateway_url, key, "GET",
                                  fmt::format("/sources/{}/stats", table.source), {});
    if (stats.ok() && DemoText(*stats, "rows") != "0") continue;
    if (!stats.ok() && stats.status().code() != Code::kNotFound) return stats.status();
    GRANARY_TRY(options_.import(table.path, table.source, options_.gateway_url, key_file_));
  }
  return Status::Ok();
}

}  // namespace granary::services

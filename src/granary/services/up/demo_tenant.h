// DemoTenant: makes, behind the first start of `granary up`, a tenant of its own with real data, so
// that whoever starts it has something to ask.
//
// Way        as its users go: a tenant at the Operation Node, a user and a key of it at the Auth
//            Gateway, a source of each CSV file of the folder through the gateway.
// Beside     a thread of its own: nothing waits for it, and it is ready when it says so. What fails
//            is said, and harms nothing else.
// Again      what was not finished goes on at the next start, file by file: each is one write. Once
//            it is whole it is never touched again.
// Keeps      DATA_PATH/demo/key, its owner's alone, while the data are not whole.
// Threads    Open and Stop from one thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/service.h"

namespace granary::services {

inline constexpr std::string_view kDemoTenant = "demo";

/// A CSV file into a source, as `granary import` does it: all of it or nothing.
using ImportFn = std::function<Status(const std::string& file, const std::string& source,
                                      const std::string& url, const std::string& key_file)>;

struct DemoOptions {
  std::string data;    ///< The folder of CSV files.
  std::string folder;  ///< DATA_PATH/demo.
  std::string operation_url, fleet_key, gateway_url;
  /// The administrator's key, when this is the first start; empty at any other.
  std::function<std::string()> first_key;
  ImportFn import;
};

class DemoTenant final : public hosting::Service {
 public:
  DemoTenant(DemoOptions options, Logger& log);
  ~DemoTenant() override;

  std::string_view name() const override { return "demo"; }
  /// Always OK: it begins.
  Status Open() override;
  /// A file that is being written is waited for.
  Status Stop() override;

 private:
  void Run();
  Status Make();
  Status WaitUntilServed();
  Status MakeKey(const std::string& first_key);
  Result<std::string> ReadKey() const;
  Status Fill();

  const DemoOptions options_;
  const std::string key_file_;
  Logger& log_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace granary::services

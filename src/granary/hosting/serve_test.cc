#include "granary/hosting/serve.h"

#include <string>

#include <gtest/gtest.h>

namespace granary::hosting {
namespace {

// Writes down what is asked of it.
class NotedService final : public Service {
 public:
  NotedService(std::string name, std::string& notes, Status opens)
      : name_(std::move(name)), notes_(notes), opens_(std::move(opens)) {}
  std::string_view name() const override { return name_; }
  Status Open() override {
    notes_ += "open " + name_ + ";";
    return opens_;
  }
  Status Stop() override {
    notes_ += "stop " + name_ + ";";
    return Status::Ok();
  }

 private:
  std::string name_;
  std::string& notes_;
  Status opens_;
};

TEST(ServeTest, StopsAllInTheOppositeOrderWhenOneCannotOpen) {
  std::string notes;
  StopSignals signals;
  std::vector<std::unique_ptr<Service>> services;
  services.push_back(std::make_unique<NotedService>("a", notes, Status::Ok()));
  services.push_back(std::make_unique<NotedService>("b", notes, Status(Code::kIoError, "ill")));
  services.push_back(std::make_unique<NotedService>("c", notes, Status::Ok()));
  EXPECT_EQ(Serve(services, signals, Logger::Null()), 1);
  EXPECT_EQ(notes, "open a;open b;stop c;stop b;stop a;");
}

}  // namespace
}  // namespace granary::hosting

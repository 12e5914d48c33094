// Goal: every operation has its method, whose answer has all that REST's has; a request is read by
// REST's rules; and what nobody waits for any more is not done.
#include "granary/services/cbo_engine/grpc_methods.h"

#include <cbo_engine.pb.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "granary/services/cbo_engine/engine_messages.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/temp_directory.h"

namespace granary::services {
namespace {

class OneCall final : public net::GrpcMessages {
 public:
  explicit OneCall(std::string request) : request_(std::move(request)) {}
  Result<std::optional<std::string>> Read() override { return std::exchange(request_, {}); }
  Status Write(std::string_view bytes) override {
    answer += bytes;
    return Status::Ok();
  }
  std::string answer;

 private:
  std::optional<std::string> request_;
};

v1::PlanFacts LookUpFacts() {
  v1::PlanFacts facts;
  facts.mutable_shape()->set_filters(true);
  (*facts.mutable_shape()->mutable_checks())["check_text_ns"] = 1;
  facts.mutable_shape()->mutable_filter()->set_texts(1);
  facts.add_questions()->set_kind(v1::PlanFacts::Question::KIND_EQUAL);
  auto* node = facts.add_nodes();
  node->set_kind(v1::PlanFacts::Node::KIND_QUESTION);
  node->set_question(0);
  facts.set_root(0);
  auto* segments = facts.add_classes();
  segments->set_segments(10);
  segments->set_rows(100'000);
  segments->set_matches(1e-4);
  segments->set_cached(true);
  segments->add_indexes()->set_hash(true);
  segments->add_named(1e-4);
  return facts;
}

v1::FeedbackRecord Record() {
  v1::FeedbackRecord record;
  record.set_source_id("s");
  record.set_rows(0);  // Required, and nothing: it must not be taken for absent.
  record.set_ns(1000);
  auto* done = record.add_operators();
  done->set_path("full_scan");
  done->set_way("scan");
  done->set_rows(3);
  done->set_ns(900);
  (*done->mutable_work())["row_group_ns"] = 1;
  *record.mutable_facts() = LookUpFacts();
  return record;
}

class GrpcMethodsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (hosting::GrpcMethod& method : EngineMethods(state_))
      methods_[method.name] = std::move(method);
    auto shop = std::make_shared<Workshop>();
    auto store = EngineStore::Open(folder_.path() + "/engine", 30, Logger::Null());
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    shop->store = store.Take();
    auto trainer = Trainer::Open(*shop->store, clock_, Logger::Null(), {.fit_records = 1});
    ASSERT_TRUE(trainer.ok()) << trainer.status().ToString();
    shop->trainer = trainer.Take();
    state_.workshop.Set(shop);
    trainer_ = shop->trainer.get();
  }

  /// What the method says to `request`, its answer in `answer`.
  template <typename Answer>
  Status Call(const std::string& name, const google::protobuf::Message& request, Answer& answer,
              const runtime::CancelToken& cancel = {}) {
    OneCall messages(request.SerializeAsString());
    net::GrpcCall call;
    call.cancel = cancel;
    hosting::GrpcMethodCall method_call{call, messages};
    GRANARY_TRY(methods_.at(name).handler(method_call));
    EXPECT_TRUE(answer.ParseFromString(messages.answer)) << name;
    return Status::Ok();
  }

  testing::TempDirectory folder_;
  testing::FakeClock clock_;
  EngineState state_{CboConfig(), Logger::Null(), clock_};
  Trainer* trainer_ = nullptr;
  std::map<std::string, hosting::GrpcMethod> methods_;
};

TEST_F(GrpcMethodsTest, APlanIsChosenFromFactsAndWhatItBeatIsNamed) {
  v1::OptimizeQueryRequest request;
  *request.mutable_facts() = LookUpFacts();
  v1::OptimizeQueryResponse plan;
  ASSERT_TRUE(Call("OptimizeQuery", request, plan).ok());
  EXPECT_EQ(plan.model_version(), "builtin-1");
  ASSERT_EQ(plan.plan_size(), 1);
  EXPECT_EQ(plan.plan(0).path(), "hash_index");
  EXPECT_EQ(plan.plan(0).segments(), 10u);
  ASSERT_GE(plan.rejected_size(), 1);
  EXPECT_EQ(plan.rejected(0).way(), "scan");
  EXPECT_GT(plan.rejected(0).ns(), plan.ns());

  v1::EstimateCostRequest estimate;
  *estimate.mutable_facts() = LookUpFacts();
  estimate.set_way("scan");
  v1::EstimateCostResponse cost;
  ASSERT_TRUE(Call("EstimateCost", estimate, cost).ok());
  EXPECT_EQ(cost.ns(), plan.rejected(0).ns());
  v1::EstimateCostRequest work;
  (*work.mutable_work())["row_group_ns"] = 2;
  ASSERT_TRUE(Call("EstimateCost", work, cost).ok());
  EXPECT_EQ(cost.ns(), 8000);
}

TEST_F(GrpcMethodsTest, FeedbackIsCountedStoredAndShown) {
  v1::SendFeedbackRequest request;
  request.set_node_id("node-1");
  request.set_tenant_id("t");
  *request.add_records() = Record();
  *request.add_records() = Record();
  request.mutable_records(1)->set_ns(-1);
  v1::SendFeedbackResponse taken;
  ASSERT_TRUE(Call("SendFeedback", request, taken).ok());
  EXPECT_EQ(taken.accepted(), 1u);
  EXPECT_EQ(taken.refused(), 1u);
  ASSERT_EQ(taken.errors_size(), 1);
  EXPECT_EQ(taken.errors(0).pointer(), "/records/1/ns");
  EXPECT_EQ(state_.accepted.count(), 1u);

  v1::ExecutionStats stats;
  ASSERT_TRUE(Call("GetExecutionStats", v1::GetExecutionStatsRequest(), stats).ok());
  EXPECT_EQ(stats.window_records(), 1u);
  ASSERT_EQ(stats.operators_size(), 1);
  EXPECT_EQ(stats.operators(0).path(), "full_scan");
  ASSERT_EQ(stats.nodes_size(), 1);
  EXPECT_EQ(stats.nodes(0).node_id(), "node-1");
  EXPECT_TRUE(stats.has_live());
}

TEST_F(GrpcMethodsTest, NoRecordsAreAnEmptyBatch) {
  v1::SendFeedbackRequest request;
  request.set_node_id("node-1");
  request.set_tenant_id("t");
  v1::SendFeedbackResponse taken;
  ASSERT_TRUE(Call("SendFeedback", request, taken).ok());
  EXPECT_EQ(taken.accepted(), 0u);
  request.clear_node_id();
  const Status refused = Call("SendFeedback", request, taken);
  ASSERT_EQ(refused.code(), Code::kInvalidRequest) << refused.ToString();
  EXPECT_EQ(refused.fields()[0].pointer, "/node_id");
}

TEST_F(GrpcMethodsTest, ModelsAreListedShownPromotedAndReplayed) {
  v1::ListModelsResponse models;
  ASSERT_TRUE(Call("ListModels", v1::ListModelsRequest(), models).ok());
  ASSERT_EQ(models.models_size(), 1);
  EXPECT_FALSE(models.has_serving());
  const std::string baseline = models.models(0).version();

  v1::PromoteModelRequest promote;
  promote.set_version(baseline);
  v1::Promotion promotion;
  EXPECT_EQ(Call("PromoteModel", promote, promotion).code(), Code::kConflict);
  promote.set_force(true);
  ASSERT_TRUE(Call("PromoteModel", promote, promotion).ok());
  EXPECT_EQ(promotion.action(), "force");
  EXPECT_TRUE(promotion.has_at());

  v1::GetModelRequest get;
  get.set_version("serving");
  v1::CostModel model;
  ASSERT_TRUE(Call("GetModel", get, model).ok());
  EXPECT_EQ(model.version(), baseline);
  EXPECT_EQ(model.state(), "serving");
  EXPECT_GT(model.prices().at("chunk_ns"), 0);
  EXPECT_EQ(model.text(), "");
  get.set_format(v1::MODEL_FORMAT_TEXT);
  ASSERT_TRUE(Call("GetModel", get, model).ok());
  EXPECT_EQ(model.text(), query::WriteModel(trainer_->Find(baseline)->model));

  v1::ReplayRequest replay;
  replay.set_model(baseline);
  v1::ReplayResponse replayed;
  ASSERT_TRUE(Call("Replay", replay, replayed).ok());
  EXPECT_EQ(replayed.serving(), baseline);
  EXPECT_EQ(replayed.replay().regret_mean(), 1);
  ASSERT_TRUE(Call("ListModels", v1::ListModelsRequest(), models).ok());
  EXPECT_EQ(models.serving(), baseline);
  EXPECT_EQ(models.promotions_size(), 1);
}

TEST_F(GrpcMethodsTest, WhatIsWrongIsRefusedAtItsPlace) {
  const auto pointer = [this](const std::string& name, const google::protobuf::Message& request) {
    v1::Promotion nothing;
    const Status refused = Call(name, request, nothing);
    if (refused.ok()) return std::string("it was not refused");
    return refused.fields().empty() ? std::string(CodeName(refused.code()))
                                    : refused.fields()[0].pointer;
  };
  v1::OptimizeQueryRequest optimize;
  EXPECT_EQ(pointer("OptimizeQuery", optimize), "/facts");
  *optimize.mutable_facts() = LookUpFacts();
  optimize.mutable_facts()->mutable_nodes(0)->clear_kind();
  EXPECT_EQ(pointer("OptimizeQuery", optimize), "/facts/nodes/0/kind");
  *optimize.mutable_facts() = LookUpFacts();
  optimize.mutable_facts()->mutable_classes(0)->set_named(0, std::nan(""));
  EXPECT_EQ(pointer("OptimizeQuery", optimize), "/facts/classes/0/named/0");
  *optimize.mutable_facts() = LookUpFacts();
  auto* class_of = optimize.mutable_facts()->mutable_classes(0);
  class_of->GetReflection()->MutableUnknownFields(class_of)->AddVarint(99, 1);
  EXPECT_EQ(pointer("OptimizeQuery", optimize), "/facts/classes/0");
  v1::EstimateCostRequest estimate;
  EXPECT_EQ(pointer("EstimateCost", estimate), "/work");
  (*estimate.mutable_work())["luck_ns"] = 1;
  EXPECT_EQ(pointer("EstimateCost", estimate), "/work/luck_ns");
  EXPECT_EQ(pointer("GetModel", v1::GetModelRequest()), "/version");
  EXPECT_EQ(pointer("PromoteModel", v1::PromoteModelRequest()), "/version");
  EXPECT_EQ(pointer("Replay", v1::ReplayRequest()), "INVALID_ARGUMENT");
  v1::GetModelRequest get;
  get.set_version("none");
  EXPECT_EQ(pointer("GetModel", get), "NOT_FOUND");
  get.set_format(static_cast<v1::ModelFormat>(7));
  EXPECT_EQ(pointer("GetModel", get), "/format");
  v1::ListModelsRequest newer;
  newer.GetReflection()->MutableUnknownFields(&newer)->AddVarint(1, 1);
  EXPECT_EQ(pointer("ListModels", newer), "");
}

TEST_F(GrpcMethodsTest, WhatNobodyWaitsForAnyMoreIsNotDone) {
  v1::SendFeedbackRequest request;
  request.set_node_id("node-1");
  request.set_tenant_id("t");
  *request.add_records() = Record();
  runtime::CancelToken cancel;
  cancel.Cancel();
  v1::SendFeedbackResponse taken;
  EXPECT_EQ(Call("SendFeedback", request, taken, cancel).code(), Code::kCancelled);
  EXPECT_EQ(trainer_->records(), 0u);
  const runtime::CancelToken late(1);
  v1::ExecutionStats stats;
  EXPECT_EQ(Call("GetExecutionStats", v1::GetExecutionStatsRequest(), stats, late).code(),
            Code::kDeadlineExceeded);
}

TEST_F(GrpcMethodsTest, BeforeItIsOpenAndOnceClosedItSaysSo) {
  state_.workshop.Set(nullptr);
  trainer_ = nullptr;
  v1::ListModelsResponse models;
  EXPECT_EQ(Call("ListModels", v1::ListModelsRequest(), models).code(), Code::kUnavailable);
}

TEST(EngineMessagesTest, AnAnswerThatItsMessageLacksAFieldForIsNotCutShort) {
  const auto message = AnswerMessage(EngineAnswer::kCost, R"({"ns":1,"news":2})");
  EXPECT_EQ(message.status().code(), Code::kInternal);
  EXPECT_TRUE(AnswerMessage(EngineAnswer::kCost, R"({"ns":1})").ok());
}

}  // namespace
}  // namespace granary::services

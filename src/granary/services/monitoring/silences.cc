#include "granary/services/monitoring/silences.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/api/object_reader.h"
#include "granary/base/ids.h"
#include "granary/types/time_text.h"

namespace granary::services {
namespace {

constexpr std::size_t kSilenceDepth = 4;
constexpr std::uint64_t kMinutesMax = 30 * 24 * 60;
constexpr std::int64_t kMicrosPerMinute = 60'000'000;
constexpr std::size_t kCommentBytesMax = 1'000;

Status WrongSilence(std::string pointer, std::string detail) {
  return {Code::kInvalidRequest, detail, {{std::move(pointer), detail}}};
}

Result<Silence> ReadKept(const api::JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(api::ObjectReader object, api::ObjectReader::Of(node, pointer));
  Silence out;
  GRANARY_ASSIGN(out.id, object.RequiredText("id"));
  GRANARY_ASSIGN(const auto rule, object.Text("rule"));
  GRANARY_ASSIGN(const auto service, object.Text("service"));
  GRANARY_ASSIGN(const auto on_node, object.Text("node"));
  GRANARY_ASSIGN(const auto comment, object.Text("comment"));
  GRANARY_ASSIGN(const std::string until, object.RequiredText("until"));
  GRANARY_ASSIGN(out.until_us, ParseTimestamp(until, TimeUnit::kMicro));
  out.rule = rule.value_or("");
  out.service = service.value_or("");
  out.node = on_node.value_or("");
  out.comment = comment.value_or("");
  GRANARY_TRY(object.Finish());
  return out;
}

}  // namespace

Result<Silence> ParseSilence(std::string_view json, const std::vector<AlertRule>& rules,
                             std::int64_t now_us) {
  GRANARY_ASSIGN(const api::JsonNode node, api::ParseJsonObject(json, kSilenceDepth));
  api::ObjectReader body(node, "");
  Silence out;
  GRANARY_ASSIGN(const auto rule, body.Text("rule"));
  GRANARY_ASSIGN(const auto service, body.Text("service"));
  GRANARY_ASSIGN(const auto on_node, body.Text("node"));
  GRANARY_ASSIGN(const auto comment, body.Text("comment"));
  GRANARY_ASSIGN(const auto minutes, body.WholeNumber("minutes", 1, kMinutesMax));
  GRANARY_TRY(body.Finish());
  if (!rule && !service && !on_node)
    return WrongSilence("", "a silence needs a rule, a service or a node");
  if (on_node && !IsIdentifier(*on_node))
    return WrongSilence("/node", std::string(InvalidIdentifier(*on_node).message()));
  if (rule && std::ranges::find(rules, *rule, &AlertRule::name) == rules.end())
    return WrongSilence("/rule", "there is no rule '" + *rule + "'; GET /alerts lists them");
  if (!minutes) return WrongSilence("/minutes", "say for how many minutes");
  if (comment && comment->size() > kCommentBytesMax)
    return WrongSilence("/comment", fmt::format("at most {} bytes", kCommentBytesMax));
  out.rule = rule.value_or("");
  out.service = service.value_or("");
  out.node = on_node.value_or("");
  out.comment = comment.value_or("");
  out.until_us = now_us + static_cast<std::int64_t>(*minutes) * kMicrosPerMinute;
  return out;
}

std::string SilenceJson(const Silence& silence) {
  std::string out;
  api::JsonObject object(out);
  const auto text = [&object](std::string_view name, const std::string& value) {
    if (value.empty())
      object.AddNull(name);
    else
      object.Add(name, std::string_view(value));
  };
  object.Add("id", std::string_view(silence.id));
  text("rule", silence.rule);
  text("service", silence.service);
  text("node", silence.node);
  text("comment", silence.comment);
  object.AddInstant("until", silence.until_us);
  object.Close();
  return out;
}

Status SilenceBook::Load() {
  GRANARY_ASSIGN(const bool exists, files_.Exists(path_));
  if (!exists) return Status::Ok();
  GRANARY_ASSIGN(const std::string text, files_.ReadFile(path_));
  const auto broken = [this](const Status& status) {
    return Status(Code::kCorruption, fmt::format("{}: {}; move it away to start without silences",
                                                 path_, status.message()));
  };
  const auto node = api::ParseJsonObject(text, kSilenceDepth);
  if (!node.ok()) return broken(node.status());
  api::ObjectReader object(*node, "");
  std::vector<Silence> read;
  if (const Status status = object.Each("silences", read, ReadKept); !status.ok())
    return broken(status);
  const std::lock_guard lock(mutex_);
  silences_ = std::move(read);
  return Status::Ok();
}

Status SilenceBook::Save(const std::vector<Silence>& silences) {
  std::string text;
  api::JsonObject object(text);
  api::AppendList(silences, object.Key("silences"),
                  [&text](const Silence& silence) { text += SilenceJson(silence); });
  object.Close();
  return files_.ReplaceFile(path_, text + "\n");
}

Result<Silence> SilenceBook::Add(Silence silence) {
  const std::lock_guard lock(mutex_);
  std::vector<Silence> next = silences_;
  std::erase_if(next, [now = clock_.WallMicros()](const Silence& s) { return s.until_us <= now; });
  if (next.size() >= kSilencesMax) {
    return Status(Code::kQuotaExceeded,
                  fmt::format("{} silences are active: end one first", kSilencesMax));
  }
  std::uint64_t number = 1;
  const auto taken = [&](const std::string& id) {
    return std::ranges::find(next, id, &Silence::id) != next.end();
  };
  while (taken(std::to_string(number))) ++number;
  silence.id = std::to_string(number);
  next.push_back(silence);
  GRANARY_TRY(Save(next));
  silences_ = std::move(next);
  return silence;
}

Status SilenceBook::End(std::string_view id) {
  const std::lock_guard lock(mutex_);
  std::vector<Silence> next = silences_;
  if (std::erase_if(next, [id](const Silence& silence) { return silence.id == id; }) == 0)
    return {Code::kNotFound, fmt::format("there is no silence '{}'", id.substr(0, 64))};
  GRANARY_TRY(Save(next));
  silences_ = std::move(next);
  return Status::Ok();
}

std::vector<Silence> SilenceBook::Active() const {
  const std::int64_t now_us = clock_.WallMicros();
  const std::lock_guard lock(mutex_);
  std::vector<Silence> out;
  std::ranges::copy_if(silences_, std::back_inserter(out),
                       [now_us](const Silence& silence) { return silence.until_us > now_us; });
  return out;
}

bool SilenceBook::Covers(const Alert& alert) const {
  const std::int64_t now_us = clock_.WallMicros();
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(silences_, [&](const Silence& silence) {
    return silence.until_us > now_us && silence.Covers(alert);
  });
}

}  // namespace granary::services

// JobJson, JobsJson, CompactionPlanJson.
#include "granary/api/json_object.h"
#include "granary/api/response_json.h"

namespace granary::api {
namespace {

void AppendJob(const storage::CompactionJob& job, std::string& out) {
  JsonObject object(out);
  object.Add("job_id", job.id);
  object.Add("kind", "compaction");
  object.Add("source_id", job.source.str());
  object.Add("automatic", job.wish == storage::CompactionWish::kWhatPays);
  object.Add("state", storage::JobStateName(job.state));
  object.Add("reason", job.reason);
  object.Add("bytes_total", job.bytes_total);
  object.Add("bytes_done", job.bytes_done);
  object.Add("merges", job.counts.merges);
  object.Add("files_before", job.counts.files_in);
  object.Add("files_after", job.counts.files_out);
  object.Add("bytes_before", job.counts.bytes_in);
  object.Add("bytes_after", job.counts.bytes_out);
  object.Add("rows", job.counts.rows);
  object.AddInstant("created_at", job.created_us);
  object.AddInstant("started_at", job.started_us);
  object.AddInstant("ended_at", job.ended_us);
  if (job.failure.ok()) {
    object.AddNull("error");
  } else {
    JsonObject error(object.Key("error"));
    error.Add("code", CodeName(job.failure.code()));
    error.Add("detail", job.failure.message());
    error.Close();
  }
  object.Close();
}

}  // namespace

std::string JobJson(const storage::CompactionJob& job) {
  std::string out;
  AppendJob(job, out);
  return out;
}

std::string JobsJson(const std::vector<storage::CompactionJob>& jobs) {
  std::string out;
  JsonObject object(out);
  AppendList(jobs, object.Key("jobs"), [&](const auto& job) { AppendJob(job, out); });
  object.Close();
  return out;
}

std::string CompactionPlanJson(const SourceId& id, const storage::CompactionPlan& plan) {
  std::string out;
  JsonObject object(out);
  object.Add("source_id", id.str());
  AppendList(plan.choices, object.Key("merges"), [&](const storage::CompactionChoice& choice) {
    JsonObject item(out);
    item.Add("partition", choice.partition);
    item.Add("files", choice.inputs.size());
    item.Add("bytes", choice.bytes);
    item.Add("reason", choice.reason);
    item.Close();
  });
  AppendList(plan.rest, object.Key("left"), [&](const storage::CompactionRest& rest) {
    JsonObject item(out);
    item.Add("partition", rest.partition);
    item.Add("files", rest.files);
    item.Add("bytes", rest.bytes);
    item.Add("reason", rest.reason);
    item.Close();
  });
  JsonObject debt(object.Key("debt"));
  debt.Add("files", plan.debt.files);
  debt.Add("bytes", plan.debt.bytes);
  debt.Add("partitions", plan.debt.partitions);
  debt.Close();
  object.Add("writes", plan.writers);
  object.Add("hours", plan.hours);
  object.Close();
  return out;
}

}  // namespace granary::api

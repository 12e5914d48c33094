// Crash walk (tests only): a workload in a child process that is killed at a chosen pass of a
// failpoint, and a judge, in another child, of what the store holds afterwards.
//
// Oracle     the child tells each step to the parent through a pipe: before it ("intent") and after
//            it ("ack"). Whatever is acknowledged must be there; the step that was under way may be
//            there, whole, or not; nothing else, and nothing twice.
// Processes  the parent runs no thread of its own and never opens the store, so that it may fork.
#pragma once

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "granary/storage/source/store_test_support.h"

namespace granary::storage {

/// What a child wrote before it ended.
struct ChildEnd {
  std::string output;
  bool killed = false;
  int exit_code = -1;
};

/// Runs `body(out)` in a child, `out` being the write end of a pipe.
inline ChildEnd RunChild(const std::function<void(int out)>& body) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  const pid_t child = ::fork();
  if (child < 0) std::abort();
  if (child == 0) {
    ::close(ends[0]);
    body(ends[1]);
    ::_exit(0);
  }
  ::close(ends[1]);
  ChildEnd end;
  char buffer[4096];
  for (ssize_t got; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    end.output.append(buffer, static_cast<std::size_t>(got));
  ::close(ends[0]);
  int state = 0;
  ::waitpid(child, &state, 0);
  end.killed = WIFSIGNALED(state) && WTERMSIG(state) == SIGKILL;
  if (WIFEXITED(state)) end.exit_code = WEXITSTATUS(state);
  return end;
}

inline void Tell(int out, const std::string& line) {
  const std::string text = line + "\n";
  if (::write(out, text.data(), text.size()) != static_cast<ssize_t>(text.size())) ::_exit(9);
}

/// The same records written again by the same key: nothing more comes of it.
inline Status WriteOnce(Source& source, const SchemaPtr& schema, const std::vector<TestRow>& rows) {
  const WriteKey key{fmt::format("batch-{}", rows.front().id), Digest128{1, 1}};
  GRANARY_ASSIGN(const KeyTurn turn, source.TakeKey(key, runtime::CancelToken()));
  if (turn.first().has_value()) return Status::Ok();
  return source.Write(schema, TestBatch(*schema, rows), &turn).status();
}

/// The same for rows that go around the log, an Append each.
inline Status BulkOnce(Source& source, const SchemaPtr& schema, const std::vector<TestRow>& rows) {
  const WriteKey key{fmt::format("batch-{}", rows.front().id), std::nullopt};
  GRANARY_ASSIGN(KeyTurn turn, source.TakeKey(key, runtime::CancelToken()));
  if (turn.first().has_value()) return Status::Ok();
  GRANARY_ASSIGN(const auto bulk, source.StartBulk());
  for (const TestRow& row : rows) GRANARY_TRY(bulk->Append(schema, TestBatch(*schema, {row})));
  turn.set_body({1, 1});
  return bulk->Commit(&turn).status();
}

/// A store in a child, with everything that it needs.
class CrashStore {
 public:
  CrashStore(const std::string& root, const std::string& failpoints) {
    options_.root = root;
    options_.tenant = TenantId::Parse("acme").Take();
    options_.flush_age_us = std::int64_t{1} << 60;
    options_.wal_lanes = 1;
    options_.flush_rows = 2;         // Of a bulk: a set of files for every two records.
    options_.wal_file_bytes = 4096;  // So that a short workload changes files.
    options_.wal_retention_us = 0;
    options_.wal_retention_bytes = 0;
    options_.durability_interval_us = std::int64_t{1} << 40;  // No steps but the workload's.
    options_.compaction.automatic = false;
    options_.snapshot_retention_us = -1;  // A compaction removes what the one before replaced.
    if (!failpoints_.Arm(failpoints).ok()) ::_exit(8);
  }
  Status Open() {
    store_.reset();
    auto opened = Store::Open({files_, clock_, failpoints_, Logger::Null(), pool_}, options_);
    if (!opened.ok()) return opened.status();
    store_ = opened.Take();
    return Status::Ok();
  }
  Store& store() { return *store_; }
  const io::Failpoints& failpoints() const { return failpoints_; }

 private:
  io::PosixFileSystem files_;
  io::SystemClock clock_;
  io::Failpoints failpoints_;
  runtime::WorkerPool pool_{{1}};
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

/// Adds, writes, flushes, evolves, drops, stops and starts again, telling each step: "i add a" / "a
/// add a", "i write a 10 3" (ids 10 to 12) / "a write a 10 3", "i drop a" / "a drop a". Writes to
/// "b" are answered before they are synced, until it is changed.
class CrashWorkload {
 public:
  CrashWorkload(CrashStore& crash, int out) : crash_(crash), out_(out) {}

  void Run() {
    Must(crash_.Open());
    Add("a");
    Add("b");
    WriteTo("a", 3);
    WriteTo("b", 2);
    Flush("a");
    for (int i = 0; i < 4; ++i) WriteTo("a", 4);
    Evolve("a");
    Patch("a");
    WriteTo("a", 2);
    BulkTo("a", 5, Find("a")->schema());
    WriteTo("a", 1);
    Flush("a");
    BulkTo("a", 3,
           std::make_shared<const Schema>(
               Find("a")->schema()->WithColumn("bulk", TypeKind::kInt64).Take()));
    DeleteFrom("a", 4);
    Compact("a");
    WriteTo("a", 2);
    DeleteFrom("a", 2);
    DeleteFrom("a", 3);
    WriteTo("b", 5);
    BulkTo("b", 2, Find("b")->schema());
    WriteTo("b", 1);
    SyncFromNowOn("b");
    WriteTo("b", 1);
    Drop("b");
    Add("b");
    WriteTo("b", 1);
    Must(crash_.store().Close());
    Must(crash_.Open());
    WriteTo("a", 2);
    Flush("b");
    Flush("a");
    DeleteFrom("a", 1);
    Compact("a");
    WriteTo("a", 1);
    Flush("a");
    Compact("a");
    Must(crash_.store().Close());
    Tell(out_, "done");
    for (const auto& pass : crash_.failpoints().passes())
      Tell(out_, fmt::format("pass {} {}", pass.name, pass.count));
  }

 private:
  static void Must(const Status& status) {
    if (status.ok()) return;
    fmt::print(stderr, "{}\n", status.ToString());
    ::_exit(7);
  }
  std::shared_ptr<Source> Find(const std::string& id) {
    auto found = crash_.store().Find(SourceId::Parse(id).Take());
    Must(found.status());
    return found.Take();
  }
  void Told(const std::string& step, const std::function<Status()>& act) {
    Tell(out_, "i " + step);
    Must(act());
    Tell(out_, "a " + step);
  }
  void Add(const std::string& id) {
    SourceDefinition definition = TestDefinition(id);
    definition.partitions = {{"part", std::nullopt}};
    if (id == "b") definition.durability = Durability::kInterval;
    Told("add " + id, [&] { return crash_.store().AddSource(definition).status(); });
  }
  void Drop(const std::string& id) {
    Told("drop " + id,
         [&] { return crash_.store().DropSource(SourceId::Parse(id).Take(), false); });
  }
  void WriteTo(const std::string& id, int count) { WriteAs(id, count, Find(id)->schema()); }
  void Evolve(const std::string& id) {
    const SchemaPtr schema = Find(id)->schema();
    WriteAs(id, 2,
            std::make_shared<const Schema>(schema->WithColumn("extra", TypeKind::kInt64).Take()));
  }
  // Takes away what Evolve added, while rows that have it are hot.
  void Patch(const std::string& id) {
    SourceChange change;
    change.drop_columns = {"extra"};
    change.add_columns = {{"patched", TypeKind::kString}};
    change.name = "Patched";
    Must(Find(id)->Change(change).status());
  }
  void SyncFromNowOn(const std::string& id) {
    SourceChange change;
    change.durability = Durability::kSync;
    Must(Find(id)->Change(change).status());
  }
  void WriteAs(const std::string& id, int count, const SchemaPtr& schema) {
    Write(id, count,
          [&](const std::vector<TestRow>& rows) { return WriteOnce(*Find(id), schema, rows); });
  }
  void BulkTo(const std::string& id, int count, const SchemaPtr& schema) {
    Write(id, count,
          [&](const std::vector<TestRow>& rows) { return BulkOnce(*Find(id), schema, rows); });
  }
  void Write(const std::string& id, int count,
             const std::function<Status(const std::vector<TestRow>&)>& act) {
    std::vector<TestRow> rows;
    for (int i = 0; i < count; ++i) {
      rows.push_back(
          Row(next_id_ + i, (next_id_ + i) % 2 == 0 ? "even" : "odd", std::string(100, 'x')));
    }
    const std::string step = fmt::format("write {} {} {}", id, next_id_, count);
    next_id_ += count;
    Told(step, [&] { return act(rows); });
  }
  // The oldest records that are left, or the newest.
  void DeleteFrom(const std::string& id, std::int64_t count) {
    std::vector<std::int64_t> ids;
    for (const auto& [sequence, row] : RowsOf(Find(id)->Snapshot())) ids.push_back(row.id);
    const bool newest = count % 2 == 0;
    const auto size = static_cast<std::int64_t>(ids.size());
    const std::int64_t first = newest ? ids.at(static_cast<std::size_t>(size - count)) : ids.at(0);
    const std::int64_t last = newest ? ids.back() : ids.at(static_cast<std::size_t>(count - 1));
    Told(fmt::format("delete {} {} {}", id, first, last - first + 1), [&] {
      return DeleteWhere(*Find(id),
                         [&](const TestRow& row) { return row.id >= first && row.id <= last; })
          .status();
    });
  }
  void Flush(const std::string& id) { Must(Find(id)->Flush()); }
  void Compact(const std::string& id) {
    Store& store = crash_.store();
    const auto started = store.Compact(SourceId::Parse(id).Take());
    Must(started.status());
    const auto ended = store.AwaitJob(started->id, runtime::CancelToken());
    Must(ended.status());
    Must(ended->failure);
  }

  CrashStore& crash_;
  const int out_;
  std::int64_t next_id_ = 1;
};

/// The judge's own records, of which it makes no statement.
inline constexpr std::int64_t kJudgesId = 1'000'000;

/// What must, and what may be there, by the ledger that a child left.
class CrashLedger {
 public:
  explicit CrashLedger(const std::string& output) {
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) Read(line);
  }

  /// Empty when the store is in a legal state, else what is wrong.
  std::string Judge(Store& store) const {
    for (const char* id : {"a", "b"}) {
      if (std::string wrong = JudgeSource(store, id); !wrong.empty())
        return fmt::format("source {}: {}", id, wrong);
    }
    return "";
  }
  /// Does what a client does that was not answered, or forgot: writes every batch again.
  Status Repeat(Store& store) const {
    for (const auto& [id, life] : lives_) {
      const auto found = store.Find(SourceId::Parse(id).Take());
      if (!found.ok()) continue;
      for (const Step& step : life.steps) GRANARY_TRY(Repeat(**found, step));
    }
    if (!pending_ || pending_->kind != "write") return Status::Ok();
    GRANARY_ASSIGN(const auto source, store.Find(SourceId::Parse(pending_->source).Take()));
    return Repeat(*source, *pending_);
  }
  bool done() const { return done_; }
  const std::vector<std::pair<std::string, int>>& passes() const { return passes_; }

 private:
  struct Step {
    std::string kind, source;
    std::int64_t first = 0, count = 0;
    void Ids(std::set<std::int64_t>& ids) const {
      for (std::int64_t i = 0; i < count; ++i) ids.insert(first + i);
    }
  };
  struct Life {
    bool exists = false;
    std::set<std::int64_t> ids;
    std::vector<Step> steps;
  };
  static Status Repeat(Source& source, const Step& step) {
    std::vector<TestRow> rows;
    for (std::int64_t i = 0; i < step.count; ++i) rows.push_back(Row(step.first + i));
    return WriteOnce(source, source.schema(), rows);
  }

  void Read(const std::string& line) {
    std::istringstream words(line);
    std::string tag;
    words >> tag;
    done_ = done_ || tag == "done";
    if (tag == "pass") {
      auto& [name, count] = passes_.emplace_back();
      words >> name >> count;
    } else if (tag == "i" || tag == "a") {
      Step step;
      words >> step.kind >> step.source >> step.first >> step.count;
      if (tag == "i")
        pending_ = step;
      else
        Acknowledge(step);
    }
  }
  void Acknowledge(const Step& step) {
    pending_.reset();
    Life& life = lives_[step.source];
    if (step.kind == "add")
      life.exists = true;
    else if (step.kind == "drop")
      life = {};
    else if (step.kind == "delete") {
      std::set<std::int64_t> gone;
      step.Ids(gone);
      for (const std::int64_t record : gone) life.ids.erase(record);
    } else {
      step.Ids(life.ids);
      life.steps.push_back(step);
    }
  }

  std::string JudgeSource(Store& store, const std::string& id) const {
    const auto known = lives_.find(id);
    const Life life = known == lives_.end() ? Life{} : known->second;
    const bool pending = pending_.has_value() && pending_->source == id;
    const auto found = store.Find(SourceId::Parse(id).Take());
    if (!found.ok()) {
      if (found.status().code() != Code::kSourceNotFound) return found.status().ToString();
      const bool may_be_missing = !life.exists || (pending && pending_->kind == "drop");
      return may_be_missing ? "" : "it is missing";
    }
    if (!life.exists && !(pending && pending_->kind == "add")) return "it is there";

    std::set<std::int64_t> optional;
    if (pending && pending_->kind == "write") pending_->Ids(optional);
    std::set<std::int64_t> deleted;  // By a delete that was under way: all of them, or none.
    if (pending && pending_->kind == "delete") {
      pending_->Ids(deleted);
      std::erase_if(deleted, [&](std::int64_t record) { return !life.ids.contains(record); });
    }
    std::set<std::int64_t> seen;
    for (const auto& [sequence, row] : RowsOf((*found)->Snapshot())) {
      if (row.id == kJudgesId) continue;
      if (!seen.insert(row.id).second) return fmt::format("record {} twice", row.id);
      if (!life.ids.contains(row.id) && !optional.contains(row.id))
        return fmt::format("record {} from nowhere", row.id);
      optional.erase(row.id);
    }
    const auto left = std::count_if(deleted.begin(), deleted.end(),
                                    [&](std::int64_t record) { return seen.contains(record); });
    if (left != 0 && left != static_cast<std::int64_t>(deleted.size()))
      return "records were deleted in part";
    for (const std::int64_t required : life.ids) {
      if (deleted.contains(required)) continue;
      if (!seen.contains(required)) return fmt::format("acknowledged record {} is lost", required);
    }
    const bool whole =
        optional.empty() || static_cast<std::int64_t>(optional.size()) == pending_->count;
    return whole ? "" : "a batch is there in part";
  }

  std::map<std::string, Life> lives_;
  std::optional<Step> pending_;
  std::vector<std::pair<std::string, int>> passes_;
  bool done_ = false;
};

/// Runs the workload on `root` with `failpoints` armed.
inline ChildEnd RunWorkload(const std::string& root, const std::string& failpoints) {
  return RunChild([&](int out) {
    CrashStore crash(root, failpoints);
    CrashWorkload(crash, out).Run();
  });
}

/// Opens the store as a restart would, judges it by the ledger, writes on and restarts once more.
/// "" when all is well. `failpoints` may kill the restart itself.
inline ChildEnd RunJudge(const std::string& root, const std::string& ledger_text,
                         const std::string& failpoints) {
  return RunChild([&](int out) {
    const CrashLedger ledger(ledger_text);
    CrashStore crash(root, failpoints);
    for (int round = 0; round < 2; ++round) {
      if (const Status s = crash.Open(); !s.ok()) {
        Tell(out, "open: " + s.ToString());
        ::_exit(1);
      }
      if (const std::string wrong = ledger.Judge(crash.store()); !wrong.empty()) {
        Tell(out, fmt::format("round {}: {}", round, wrong));
        ::_exit(1);
      }
      if (const Status s = ledger.Repeat(crash.store()); !s.ok()) {
        Tell(out, "repeat: " + s.ToString());
        ::_exit(1);
      }
      if (const std::string wrong = ledger.Judge(crash.store()); !wrong.empty()) {
        Tell(out, fmt::format("repeated in round {}: {}", round, wrong));
        ::_exit(1);
      }
    }
    for (const auto& source : crash.store().List()) {
      if (const auto s = WriteRows(*source, {Row(kJudgesId)}); !s.ok()) {
        Tell(out, "write: " + s.status().ToString());
        ::_exit(1);
      }
      if (const Status s = source->Flush(); !s.ok()) {
        Tell(out, "flush: " + s.ToString());
        ::_exit(1);
      }
    }
    for (const auto& pass : crash.failpoints().passes())
      Tell(out, fmt::format("pass {} {}", pass.name, pass.count));
  });
}

}  // namespace granary::storage

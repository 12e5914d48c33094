// Goal: a search that is read page by page shows the records of the moment it began, each once and
// in its order, while records come in, columns are added and widened, sources are flushed and the
// tenant is opened anew between the pages. Judged by a plain list of what was written.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include <arrow/api.h>

#include "granary/io/posix_file_system.h"
#include "granary/tenant/tenant.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/seed.h"
#include "granary/testing/temp_directory.h"
#include "granary/types/value.h"

namespace granary {
namespace {

constexpr std::int64_t kMinute = 60'000'000;

struct Written {
  std::int64_t id = 0;
  std::string source;
  std::uint64_t sequence = 0;
  std::optional<double> k;
  std::optional<std::string> s;
};

using Ids = std::vector<std::int64_t>;

struct Asked {
  std::optional<double> k_from;                     ///< Filter.
  std::vector<std::pair<std::string, bool>> order;  ///< Column, descending.
  bool is_point = false;                            ///< k is `k_from`: a look-up by an index.
  std::string source = {};                          ///< Empty: both.

  query::SearchRequest Request() const {
    query::SearchRequest request;
    request.columns = {"id"};
    if (!source.empty()) request.sources = {SourceId::Parse(source).Take()};
    if (k_from) {
      query::Filter filter;
      filter.kind = query::Filter::Kind::kCompare;
      filter.column = "k";
      filter.op = is_point ? query::Operator::kEq : query::Operator::kGte;
      filter.literal = {Literal::Kind::kNumber, false, fmt::format("{}", *k_from), {}};
      filter.pointer = is_point ? "/filters/k/eq" : "/filters/k/gte";
      request.filter = filter;
    }
    for (const auto& [column, descending] : order) {
      request.order_by.push_back(
          {column, descending ? query::Direction::kDescending : query::Direction::kAscending,
           "/order_by/0"});
    }
    return request;
  }

  template <typename T>
  static int CompareValues(const std::optional<T>& a, const std::optional<T>& b, bool descending) {
    if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1);  // Nulls are last either way.
    const int order = *a < *b ? -1 : (*b < *a ? 1 : 0);
    return descending ? -order : order;
  }
  bool Before(const Written& a, const Written& b) const {
    for (const auto& [column, descending] : order) {
      int order = 0;
      if (column == "k") order = CompareValues(a.k, b.k, descending);
      if (column == "s") order = CompareValues(a.s, b.s, descending);
      if (column == "_seq")
        order = CompareValues(std::optional(a.sequence), std::optional(b.sequence), descending);
      if (order != 0) return order < 0;
    }
    return a.sequence != b.sequence ? a.sequence < b.sequence : a.source < b.source;
  }
  Ids Expected(const std::vector<Written>& all) const {
    std::vector<Written> rows;
    for (const Written& row : all) {
      if (source.empty() || row.source == source) {
        if (!k_from || (row.k && (is_point ? *row.k == *k_from : *row.k >= *k_from)))
          rows.push_back(row);
      }
    }
    std::sort(rows.begin(), rows.end(),
              [this](const Written& a, const Written& b) { return Before(a, b); });
    Ids ids;
    for (const Written& row : rows) ids.push_back(row.id);
    return ids;
  }
};

class PagingModelTest : public ::testing::Test {
 protected:
  PagingModelTest() : random_(testing::SeedFromEnvironment()) {
    options_.id = TenantId::Parse("acme").Take();
    options_.store.root = directory_.Join("data");
    options_.store.flush_age_us = std::int64_t{1} << 60;
    options_.store.row_group_rows = 5;
    options_.query_parallelism = 2;
    options_.bodies.chunk_rows = 2;  // What is longer goes around the log.
    Open();
    for (const char* id : {"a", "b"}) {
      storage::SourceDefinition definition;
      definition.id = SourceId::Parse(id).Take();
      definition.columns = {{"id", TypeKind::kInt64},
                            {"k", TypeKind::kInt32},
                            {"s", TypeKind::kString},
                            {"p", TypeKind::kString}};
      if (definition.id.str() == "a") definition.partitions = {{"p", std::nullopt}};
      definition.indexes = {{"k", storage::IndexKind::kHash}};
      const auto added = tenant_->AddSource(definition);
      EXPECT_TRUE(added.ok()) << added.status().ToString();
    }
  }

  void Open() {
    tenant_.reset();
    auto opened = Tenant::Open({files_, clock_, failpoints_, Logger::Null(), pool_}, options_);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    tenant_ = opened.Take();
  }

  void Write() {
    const std::string source = random_.OneIn(2) ? "a" : "b";
    const bool streamed = random_.OneIn(12);
    std::string records;
    std::vector<Written> rows;
    for (std::uint64_t i = 1 + random_.Below(6); i > 0; --i) {
      Written row{next_id_++, source, 0, std::nullopt, std::nullopt};
      std::string text = fmt::format("{{\"id\":{},\"p\":\"p{}\"", row.id, random_.Below(3));
      if (!random_.OneIn(4)) {
        const auto k = random_.Between(-3, 3);
        row.k = static_cast<double>(k);
        // Now and then a fraction: the column is widened.
        if (random_.OneIn(60)) *row.k += 0.5;
        text += fmt::format(",\"k\":{}", *row.k);
      }
      if (!random_.OneIn(4)) {
        row.s = std::string(random_.Below(3), 'x') + std::to_string(random_.Below(3));
        text += fmt::format(",\"s\":\"{}\"", *row.s);
      }
      if (random_.OneIn(80)) text += fmt::format(",\"extra{}\":1", random_.Below(3));
      records += text + (streamed ? "}\n" : "},");
      rows.push_back(row);
    }
    const SourceId id = SourceId::Parse(source).Take();
    const auto answer = streamed ? Stream(id, records) : WriteArray(id, records);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString() << records;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].sequence = answer->outcome.first_sequence + i;
      all_.push_back(rows[i]);
    }
  }

  Result<WriteAnswer> WriteArray(const SourceId& id, std::string records) {
    records.back() = ']';
    records.insert(0, "[");
    return tenant_->Write({.source = id, .records = records, .shape = json::RecordShape::kBare});
  }
  Result<WriteAnswer> Stream(const SourceId& id, const std::string& lines) {
    std::size_t at = 0;
    const formats::ByteSource bytes = [&](std::span<char> out) -> Result<std::size_t> {
      const std::size_t n = std::min({out.size(), lines.size() - at, std::size_t{50}});
      std::copy_n(lines.data() + at, n, out.data());
      at += n;
      return n;
    };
    return tenant_->WriteStream({.source = id, .bytes = bytes});
  }

  void Disturb() {
    switch (random_.Below(9)) {
      case 0: {
        const Status s = tenant_->Flush(SourceId::Parse(random_.OneIn(2) ? "a" : "b").Take());
        ASSERT_TRUE(s.ok()) << s.ToString();
        break;
      }
      case 1: Open(); break;
      case 2: clock_.AdvanceMicros(1000); break;
      case 3: Compact(); break;
      default: Write();
    }
  }

  void Compact() {
    const auto started =
        tenant_->store().Compact(SourceId::Parse(random_.OneIn(2) ? "a" : "b").Take());
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    const auto ended = tenant_->store().AwaitJob(started->id, runtime::CancelToken());
    ASSERT_TRUE(ended.ok() && ended->failure.ok()) << ended->failure.ToString();
    compacted_files_ += ended->counts.files_in;
  }

  Ids Page(query::SearchRequest request, std::uint64_t limit, std::optional<std::string>& cursor) {
    request.limit = limit;
    request.cursor = cursor;
    Ids ids;
    const auto end = tenant_->SearchPage(request, {}, [&](const query::ResultBatch& rows) {
      for (std::int64_t row = 0; row < rows.batch->num_rows(); ++row)
        ids.push_back(std::get<std::int64_t>(ValueAt(*rows.batch->column(0), row)));
      return Status::Ok();
    });
    EXPECT_TRUE(end.ok()) << end.status().ToString();
    cursor = end.ok() ? end->next_cursor : std::nullopt;
    EXPECT_LE(ids.size(), limit);
    if (cursor) {
      EXPECT_EQ(ids.size(), limit);
    }
    return ids;
  }

  Asked Ask() {
    Asked asked;
    if (random_.OneIn(3)) asked.k_from = static_cast<double>(random_.Between(-3, 2));
    if (asked.k_from && random_.OneIn(2)) {
      asked.is_point = true;
      asked.source = random_.OneIn(2) ? "a" : "b";
      return asked;
    }
    for (const char* column : {"k", "s", "_seq"}) {
      if (random_.OneIn(3)) asked.order.emplace_back(column, random_.OneIn(2));
    }
    return asked;
  }

  testing::TempDirectory directory_;
  io::PosixFileSystem files_;
  testing::FakeClock clock_;
  io::Failpoints failpoints_;
  runtime::WorkerPool pool_{{2}};
  TenantOptions options_;
  testing::FakeRandom random_;
  std::unique_ptr<Tenant> tenant_;
  std::vector<Written> all_;
  std::int64_t next_id_ = 1;
  std::uint64_t compacted_files_ = 0;
};

TEST_F(PagingModelTest, PagesShowTheMomentTheyBeganWith) {
  for (int search = 0; search < 24; ++search) {
    for (int i = 0; i < 6; ++i) Disturb();
    const Asked asked = Ask();
    Ids expected = asked.Expected(all_);
    Ids seen;
    std::optional<std::string> cursor;
    do {
      const Ids page = Page(asked.Request(), 1 + random_.Below(20), cursor);
      seen.insert(seen.end(), page.begin(), page.end());
      if (HasFailure()) return;
      for (std::uint64_t i = random_.Below(3); i > 0; --i) Disturb();
    } while (cursor);
    if (asked.order.empty()) {
      std::sort(seen.begin(), seen.end());
      std::sort(expected.begin(), expected.end());
    }
    ASSERT_EQ(seen, expected) << "search " << search;
  }
  EXPECT_GT(compacted_files_, 0u);
}

TEST_F(PagingModelTest, APageCanBeAskedForAgain) {
  for (int i = 0; i < 12; ++i) Write();
  for (const Asked& asked : {Asked{}, Asked{{}, {{"s", true}}}}) {
    std::optional<std::string> cursor;
    Page(asked.Request(), 5, cursor);
    ASSERT_TRUE(cursor.has_value());
    std::optional<std::string> once = cursor;
    const Ids first = Page(asked.Request(), 7, once);
    ASSERT_TRUE(tenant_->Flush(SourceId::Parse("a").Take()).ok());
    Write();
    Open();
    std::optional<std::string> twice = cursor;
    EXPECT_EQ(Page(asked.Request(), 7, twice), first);
  }
}

TEST_F(PagingModelTest, ACursorEndsWithItsSnapshot) {
  for (int i = 0; i < 12; ++i) Write();
  const auto code = [&](const std::string& cursor) {
    query::SearchRequest request = Asked{}.Request();
    request.limit = 3;
    request.cursor = cursor;
    return tenant_->SearchPage(request, {}, [](const query::ResultBatch&) { return Status::Ok(); })
        .status()
        .code();
  };
  std::optional<std::string> cursor;
  Page(Asked{}.Request(), 3, cursor);
  ASSERT_TRUE(cursor.has_value());
  const std::string first = *cursor;
  clock_.AdvanceMicros(15 * kMinute);
  EXPECT_EQ(code(first), Code::kOk);
  Page(Asked{}.Request(), 3, cursor);  // A later page is of the same snapshot.
  clock_.AdvanceMicros(1);
  EXPECT_EQ(code(first), Code::kCursorExpired);
  EXPECT_EQ(code(*cursor), Code::kCursorExpired);

  cursor.reset();
  Page(Asked{}.Request(), 3, cursor);
  const SourceId a = SourceId::Parse("a").Take();
  const auto definition = tenant_->GetSource(a).Take().definition;
  ASSERT_TRUE(tenant_->DropSource(a, false).ok());
  EXPECT_EQ(code(*cursor), Code::kCursorExpired);
  ASSERT_TRUE(tenant_->AddSource(definition).ok());
  EXPECT_EQ(code(*cursor), Code::kCursorExpired);
}

TEST_F(PagingModelTest, ACursorBelongsToItsRequest) {
  for (int i = 0; i < 12; ++i) Write();
  std::optional<std::string> cursor;
  Page(Asked{}.Request(), 3, cursor);
  query::SearchRequest request = Asked{}.Request();
  request.limit = 4;
  request.cursor = cursor;
  const auto run = [&] {
    return tenant_->SearchPage(request, {}, [](const query::ResultBatch&) { return Status::Ok(); })
        .status();
  };
  EXPECT_TRUE(run().ok());
  request.columns = {"id", "s"};
  EXPECT_EQ(run().code(), Code::kInvalidRequest);
  request.columns = {"id"};
  request.order_by = {{"id", query::Direction::kAscending, ""}};
  EXPECT_EQ(run().code(), Code::kInvalidRequest);
  request.order_by.clear();
  request.sources = {SourceId::Parse("a").Take()};
  EXPECT_EQ(run().code(), Code::kInvalidRequest);
  request.sources.clear();
  request.filter = query::Filter{};
  EXPECT_EQ(run().fields().at(0).pointer, "/cursor");
}

}  // namespace
}  // namespace granary

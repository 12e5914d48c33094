#include <gtest/gtest.h>

#include "granary/storage/source/store.h"

namespace granary::storage {
namespace {

HotTierInfo Tier(std::uint64_t uid, std::uint64_t rows, std::uint64_t bytes,
                 std::int64_t age_us = 0, bool holds_back_log = false) {
  return {SourceUid{uid}, rows, bytes, age_us, holds_back_log};
}

struct Case {
  const char* what;
  std::vector<HotTierInfo> tiers;
  std::vector<std::uint64_t> flushed;
  const char* reason;
  std::uint64_t on_their_way = 0;  ///< Bytes of writes and bulks that are in no tier yet.
  std::uint64_t wanted = 0;
  std::uint64_t asked = 0;  ///< By queries and bodies.
};

TEST(PickFlushTest, FlushesWhatTheLimitsSayInTheirOrder) {
  StoreOptions options;
  options.flush_rows = 100;
  options.flush_bytes = 1000;
  options.flush_age_us = 10;
  options.hot_bytes_max = 4000;
  const std::vector<Case> cases = {
      {"nothing there", {}, {}, "nothing to flush"},
      {"nothing due", {Tier(1, 99, 999, 9)}, {}, "nothing to flush"},
      {"an empty tier, however old", {Tier(1, 0, 0, 1000, true)}, {}, "nothing to flush"},
      {"rows", {Tier(1, 100, 1)}, {1}, "1 full"},
      {"bytes", {Tier(1, 1, 1000)}, {1}, "1 full"},
      {"age", {Tier(1, 1, 1, 10)}, {1}, "1 by age"},
      {"log", {Tier(1, 1, 1, 0, true)}, {1}, "1 to free the log"},
      {"the bigger of the full first", {Tier(1, 100, 5), Tier(2, 100, 6)}, {2, 1}, "2 full"},
      {"the older of the old first", {Tier(1, 1, 1, 10), Tier(2, 1, 1, 11)}, {2, 1}, "2 by age"},
      {"three quarters of the memory are no pressure",
       {Tier(1, 1, 900), Tier(2, 1, 900), Tier(3, 1, 900), Tier(4, 1, 300)},
       {},
       "nothing to flush"},
      {"pressure takes the biggest until half is left",
       {Tier(1, 1, 700), Tier(2, 1, 900), Tier(3, 1, 800), Tier(4, 1, 601)},
       {2, 3},
       "2 for memory"},
      {"pressure goes before all else",
       {Tier(1, 1, 10, 10), Tier(2, 100, 50), Tier(3, 1, 40, 0, true), Tier(4, 1, 2999)},
       {4, 3, 2, 1},
       "1 for memory, 1 to free the log, 1 full, 1 by age"},
      {"writes on their way count: at three quarters",
       {Tier(1, 1, 500), Tier(2, 1, 700)},
       {},
       "nothing to flush",
       1800},
      {"writes on their way count: past three quarters",
       {Tier(1, 1, 500), Tier(2, 1, 700)},
       {2, 1},
       "2 for memory",
       1801},
      {"whoever waits gets half of the tiers, the biggest first",
       {Tier(1, 1, 100), Tier(2, 1, 300), Tier(3, 1, 150)},
       {2},
       "1 for memory",
       0,
       1},
      {"or what is wanted, where that is more",
       {Tier(1, 1, 100), Tier(2, 1, 300), Tier(3, 1, 150)},
       {2, 3},
       "2 for memory",
       0,
       301},
      {"or all there is",
       {Tier(1, 1, 100), Tier(2, 1, 300), Tier(3, 1, 150)},
       {2, 3, 1},
       "3 for memory",
       0,
       10'000},
      {"too little to help stays",
       {Tier(1, 1, 40), Tier(2, 1, 21)},
       {},
       "nothing to flush",
       0,
       100},
      {"a 64th of the limit goes",
       {Tier(1, 1, 40), Tier(2, 1, 22)},
       {1, 2},
       "2 for memory",
       0,
       100},
      {"a query that waits gets half of the tiers, too, the biggest first",
       {Tier(1, 1, 100), Tier(2, 1, 300), Tier(3, 1, 150)},
       {2},
       "1 for memory",
       0,
       0,
       1},
      {"or what it asks for",
       {Tier(1, 1, 100), Tier(2, 1, 300), Tier(3, 1, 150)},
       {2, 3},
       "2 for memory",
       0,
       0,
       301},
      {"less than a 64th of the limit is not flushed for a query, however little it wants",
       {Tier(1, 1, 40), Tier(2, 1, 21)},
       {},
       "nothing to flush",
       0,
       0,
       1},
      {"a 64th of the limit is", {Tier(1, 1, 40), Tier(2, 1, 22)}, {1}, "1 for memory", 0, 0, 1},
      {"nothing there for whoever waits", {Tier(1, 0, 0)}, {}, "nothing to flush", 0, 1},
  };
  for (const Case& c : cases) {
    HotMemory memory{c.on_their_way, c.wanted, c.asked};
    for (const HotTierInfo& tier : c.tiers) memory.reserved_bytes += tier.bytes;
    const FlushChoice choice = PickFlush(c.tiers, memory, options);
    std::vector<std::uint64_t> uids;
    for (const SourceUid uid : choice.sources) uids.push_back(uid.value);
    EXPECT_EQ(uids, c.flushed) << c.what;
    EXPECT_EQ(choice.reason, c.reason) << c.what;
  }
}

}  // namespace
}  // namespace granary::storage

#include "granary/storage/wal/keyed_payload.h"

#include <gtest/gtest.h>

namespace granary::storage {
namespace {

TEST(KeyedPayloadTest, GivesBackWhatWasAppended) {
  for (const std::string& note :
       {std::string(), std::string("note"), std::string(kKeyNoteMaxBytes, 'n')}) {
    std::string payload = "batch";
    AppendKeyedPayload({.written_us = -5, .body_hash_high = 7, .note = note, .batch = {}}, payload);
    const auto split = SplitKeyedPayload(payload);
    ASSERT_TRUE(split.ok()) << split.status().ToString();
    EXPECT_EQ(split->written_us, -5);
    EXPECT_EQ(split->body_hash_high, 7u);
    EXPECT_EQ(split->note, note);
    EXPECT_EQ(split->batch, "batch");
  }
}

TEST(KeyedPayloadTest, ACutPayloadIsCorruption) {
  std::string payload;
  AppendKeyedPayload({.written_us = 1, .body_hash_high = 2, .note = "note", .batch = {}}, payload);
  for (std::size_t bytes = 0; bytes < payload.size(); ++bytes) {
    const auto split = SplitKeyedPayload(std::string_view(payload).substr(0, bytes));
    EXPECT_EQ(split.status().code(), Code::kCorruption) << bytes;
  }
}

}  // namespace
}  // namespace granary::storage

#include "wal/log_map.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "base/strings.h"

namespace revd::wal {
namespace {

LogPosition position(uint64_t index, uint64_t term) { return {.index = LogIndex(index), .term = Term(term)}; }

TEST(TermTable, AgreesWithAPlainVector) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    TermTable table(position(10, 1));
    std::map<uint64_t, uint64_t> model = {{10, 1}};  // base included
    for (int step = 0; step < 300; ++step) {
      const uint64_t first = model.begin()->first;
      const uint64_t last = model.rbegin()->first;
      const uint64_t choice = random.below(20);
      if (choice == 0) {
        const uint64_t to = random.between(first, last);
        table.cut(position(to, model.at(to)));
        model.erase(model.upper_bound(to), model.end());
      } else if (choice == 1) {
        const uint64_t to = random.between(first, last);
        table.advance_base(LogIndex(to));
        model.erase(model.begin(), model.lower_bound(to));
      } else {
        const uint64_t term = model.rbegin()->second + (random.chance(1, 4) ? random.below(3) : 0);
        table.append(Term(term));
        model[last + 1] = term;
      }
      EXPECT_EQ(table.base(), position(model.begin()->first, model.begin()->second));
      EXPECT_EQ(table.last(), position(model.rbegin()->first, model.rbegin()->second));
      for (const auto& [index, expected] : model) ASSERT_EQ(table.term_at(LogIndex(index)), Term(expected));
      EXPECT_EQ(table.term_at(LogIndex(model.begin()->first - 1)), std::nullopt);
      EXPECT_EQ(table.term_at(LogIndex(model.rbegin()->first + 1)), std::nullopt);
    }
  }
}

TEST(TermTable, ACutBelowTheBaseMovesIt) {
  TermTable table(position(10, 3));
  table.append(Term(4));
  table.cut(position(7, 2));
  EXPECT_EQ(table.base(), position(7, 2));
  EXPECT_EQ(table.last(), position(7, 2));
}

BatchSummary entries(uint64_t first, uint32_t count) {
  BatchSummary batch;
  batch.first = LogIndex(first);
  batch.entry_count = count;
  return batch;
}

TEST(DurableLog, FindsTheBatchOfEachIndex) {
  DurableLog log(LogIndex(10));
  log.apply(entries(11, 5), {.segment = 1, .offset = 4096, .blocks = 1, .sequence = 2});
  log.apply(entries(16, 1), {.segment = 1, .offset = 8192, .blocks = 1, .sequence = 3});
  log.apply(entries(17, 3), {.segment = 2, .offset = 4096, .blocks = 1, .sequence = 5});
  EXPECT_EQ(log.find(LogIndex(10)), nullptr);
  EXPECT_EQ(log.find(LogIndex(11))->place.sequence, 2U);
  EXPECT_EQ(log.find(LogIndex(15))->place.sequence, 2U);
  EXPECT_EQ(log.find(LogIndex(16))->place.sequence, 3U);
  EXPECT_EQ(log.find(LogIndex(19))->place.sequence, 5U);
  EXPECT_EQ(log.find(LogIndex(20)), nullptr);

  BatchSummary cut = entries(14, 2);
  cut.cut = CutTail{.last = position(13, 1)};
  log.apply(cut, {.segment = 2, .offset = 8192, .blocks = 1, .sequence = 6});
  EXPECT_EQ(log.find(LogIndex(13))->place.sequence, 2U);
  EXPECT_EQ(log.find(LogIndex(14))->place.sequence, 6U);
  EXPECT_EQ(log.last(), LogIndex(15));

  log.drop_segments_below(2);
  EXPECT_EQ(log.base(), LogIndex(13));
  EXPECT_EQ(log.find(LogIndex(13)), nullptr);
}

TEST(DurableLog, PinsTheSegmentOfTheNewestCheckpoint) {
  DurableLog log(LogIndex(0));
  EXPECT_EQ(log.pinned_segment(), std::nullopt);
  BatchSummary batch;
  batch.checkpoints.push_back({.file = {}, .checkpoint = 1, .predecessor = 0});
  log.apply(batch, {.segment = 3, .offset = 4096, .blocks = 1, .sequence = 1});
  log.apply(entries(1, 1), {.segment = 4, .offset = 4096, .blocks = 1, .sequence = 2});
  EXPECT_EQ(log.pinned_segment(), 3U);
}

}  // namespace
}  // namespace revd::wal

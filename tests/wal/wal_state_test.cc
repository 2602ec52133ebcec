// Segments, floor, checkpoint records, snapshots and hard state, on each disk.
#include <algorithm>

#include "tests/wal/disks.h"

namespace revd::wal {
namespace {

class WalState : public WalOnDisk {
 protected:
  size_t count_files(std::string_view part) {
    return static_cast<size_t>(std::ranges::count_if(
        log().files(), [part](const std::string& name) { return name.find(part) != std::string::npos; }));
  }
};
INSTANTIATE_TEST_SUITE_P(Disks, WalState, ::testing::ValuesIn(all_disks()), contract_name);

constexpr Uuid kFile{.bytes = {std::byte{9}}};
constexpr Uuid kOtherFile{.bytes = {std::byte{8}}};

TEST_P(WalState, SegmentsFollowEachOther) {
  log().open();
  log().append(100);  // 15 blocks of batches to a segment
  EXPECT_EQ(log()->current_segment(), 8U);
  EXPECT_EQ(log()->segment_of(LogIndex(1)), 1U);
  EXPECT_EQ(log()->segment_of(LogIndex(100)), 8U);
  EXPECT_EQ(log()->segment_of(LogIndex(101)), 8U);
  log().open();
  log().expect_entries(1, 100);
  EXPECT_EQ(log()->segment_of(LogIndex(100)), 8U);
}

TEST_P(WalState, ReopeningOftenFillsSegmentsWithSeals) {
  for (int i = 0; i < 40; ++i) log().open();
  EXPECT_EQ(log()->current_segment(), 3U);
  log().append(3);
  log().open();
  log().expect_entries(1, 3);
}

TEST_P(WalState, TheFloorRecyclesWholeSegments) {
  log().open();
  log().append(100);
  log()->set_floor(LogIndex(50));
  ASSERT_TRUE(log().run_until([&] { return log()->statistics().segments_recycled == 3; }));
  EXPECT_LE(log()->first_index(), LogIndex(50));
  EXPECT_GT(log()->first_index(), LogIndex(30));
  const uint64_t first = log()->first_index().value();
  log().expect_entries(first, 100);
  EXPECT_EQ(log()->term_at(LogIndex(first - 1)), Term(1));
  EXPECT_EQ(log()->term_at(LogIndex(first - 2)), std::nullopt);
  EXPECT_EQ(log().read(first - 1, 100).error().code(), ErrorCode::kOutOfRange);
  log().open();
  log().expect_entries(first, 100);
}

TEST_P(WalState, SparesAreReused) {
  log().open();
  for (int round = 0; round < 20; ++round) {
    log().append(30);
    log()->set_floor(log()->durable_index());
    const uint64_t first = log()->current_segment();
    ASSERT_TRUE(log().run_until([&] { return log()->segment_of(log()->first_index()) >= first; }));
  }
  EXPECT_GT(log()->statistics().segments_started, 35U);
  EXPECT_LT(log()->statistics().spares_created, 8U);
  ASSERT_TRUE(log().run_until([&] { return count_files(".wal") == 1; }));
  EXPECT_LE(count_files("spare-"), size_t{log().options.spares_kept});
  const uint64_t first = log()->first_index().value();
  log().open();
  log().expect_entries(first, 600);
}

TEST_P(WalState, SparesBeyondTheirNumberAreRemoved) {
  log().options.spares_kept = 2;
  log().open();
  log().append(150);
  log()->set_floor(LogIndex(150));
  ASSERT_TRUE(log().run_until([&] { return log()->statistics().segments_recycled >= 9; }));
  EXPECT_EQ(log()->spare_count(), 2U);
  EXPECT_EQ(count_files("spare-"), 2U);
}

TEST_P(WalState, AnotherSegmentSizeHoldsForNewSegments) {
  log().open();
  log().append(40);
  log().options.segment_bytes = 128 << 10;
  log().open();
  log().append(100);
  log().open();
  log().expect_entries(1, 140);
  EXPECT_EQ(log()->current_segment(), 7U);  // four of 30 batches, after three of 14
}

TEST_P(WalState, CheckpointRecordsSurvive) {
  log().open();
  EXPECT_TRUE(log()->checkpoints().empty());
  ASSERT_TRUE(log().checkpoint({.file = kFile, .checkpoint = 1, .predecessor = 0}).ok());
  ASSERT_TRUE(log().checkpoint({.file = kOtherFile, .checkpoint = 5, .predecessor = 4}).ok());
  log().append(2);
  ASSERT_TRUE(log().checkpoint({.file = kFile, .checkpoint = 2, .predecessor = 1}).ok());
  const std::vector<CheckpointRecord> expected = {{.file = kOtherFile, .checkpoint = 5, .predecessor = 4},
                                                  {.file = kFile, .checkpoint = 2, .predecessor = 1}};
  EXPECT_EQ(log()->checkpoints(), expected);
  log().open();
  EXPECT_EQ(log()->checkpoints(), expected);
  log().expect_entries(1, 2);
}

TEST_P(WalState, TheNewestCheckpointRecordKeepsItsSegment) {
  log().open();
  log().append(20);
  ASSERT_TRUE(log().checkpoint({.file = kFile, .checkpoint = 1, .predecessor = 0}).ok());
  log().append(60);
  log()->set_floor(LogIndex(80));
  ASSERT_TRUE(log().run_until([&] { return log()->statistics().segments_recycled == 1; }));
  log().append(20);
  EXPECT_EQ(log()->segment_of(log()->first_index()), 2U);
  log().open();
  EXPECT_EQ(log()->checkpoints().size(), 1U);
  ASSERT_TRUE(log().checkpoint({.file = kFile, .checkpoint = 2, .predecessor = 1}).ok());
  log()->set_floor(LogIndex(80));
  ASSERT_TRUE(log().run_until([&] { return log()->segment_of(log()->first_index()) >= 5; }));
  log().open();
  EXPECT_EQ(log()->checkpoints().front().checkpoint, 2U);
}

TEST_P(WalState, ASnapshotBeyondTheLogRestartsIt) {
  log().open();
  log().append(10);
  const SnapshotSwitch record{.file = kFile,
                              .superblock = 3,
                              .last = {.index = LogIndex(50), .term = Term(4)},
                              .time = LogTime(777),
                              .tail_kept = false};
  ASSERT_TRUE(log().snapshot(record).ok());
  EXPECT_EQ(log()->epoch(), 2U);
  EXPECT_EQ(log()->first_index(), LogIndex(51));
  EXPECT_EQ(log()->last_index(), LogIndex(50));
  EXPECT_EQ(log()->last_term(), Term(4));
  log().append(5, 4);
  log().open();
  log().expect_entries(51, 55, [](uint64_t) { return 4; });
  EXPECT_EQ(log()->snapshot_switch(), record);
  EXPECT_EQ(log()->term_at(LogIndex(50)), Term(4));
  EXPECT_EQ(log()->checkpoints().front(),
            (CheckpointRecord{.file = kFile, .checkpoint = 3, .predecessor = 0}));
}

TEST_P(WalState, ASnapshotThatTheLogContainsKeepsTheTail) {
  log().open();
  log().append(10);
  SnapshotSwitch record{
      .file = kFile, .superblock = 3, .last = {.index = LogIndex(6), .term = Term(1)}, .time = {}};
  ASSERT_TRUE(log().snapshot(record).ok());
  EXPECT_EQ(log()->epoch(), 1U);
  log().expect_entries(1, 10);
  log().open();
  log().expect_entries(1, 10);
  record.tail_kept = true;
  EXPECT_EQ(log()->snapshot_switch(), record);
}

TEST_P(WalState, ASnapshotThatContradictsTheLogRestartsIt) {
  log().open();
  log().append(10);
  ASSERT_TRUE(
      log()
          .snapshot(
              {.file = kFile, .superblock = 3, .last = {.index = LogIndex(6), .term = Term(2)}, .time = {}})
          .ok());
  EXPECT_EQ(log()->first_index(), LogIndex(7));
  EXPECT_EQ(log()->last_index(), LogIndex(6));
  log().open();
  EXPECT_EQ(log()->last_index(), LogIndex(6));
  log().append(3, 2);
  log().expect_entries(7, 9, [](uint64_t) { return 2; });
}

TEST_P(WalState, ACutBelowTheLowestSegmentsBaseReplays) {
  log().open();
  log().append(40);                      // segments 1 to 3
  ASSERT_TRUE(log().cut_tail(20).ok());  // recorded in segment 3, whose base is above 20
  log().append(30, 2);
  log()->set_floor(LogIndex(50));
  ASSERT_TRUE(log().run_until([&] { return log()->segment_of(log()->first_index()) >= 3; }));
  EXPECT_EQ(log()->first_index(), LogIndex(21));
  log().expect_entries(21, 50, [](uint64_t) { return 2; });
  log().open();
  log().expect_entries(21, 50, [](uint64_t) { return 2; });
  EXPECT_EQ(log()->term_at(LogIndex(20)), Term(1));
}

TEST_P(WalState, HardStateSurvives) {
  log().open();
  EXPECT_EQ(log()->hard_state(), HardState());
  ASSERT_TRUE(log().save_hard_state(3, 2).ok());
  log()->note_commit(LogIndex(4));
  ASSERT_TRUE(log().save_hard_state(4, 0).ok());
  ASSERT_TRUE(log().save_hard_state(4, 1).ok());
  log().open();
  EXPECT_EQ(log()->hard_state(), (HardState{.term = Term(4), .vote = NodeId(1), .commit = LogIndex(4)}));
}

TEST_P(WalState, TheCommitHintTravelsWithTheNextBatch) {
  log().open();
  log().append(5);
  log()->note_commit(LogIndex(4));
  log()->note_commit(LogIndex(2));
  log().append(1);
  log().open();
  EXPECT_EQ(log()->hard_state().commit, LogIndex(4));
}

TEST_P(WalState, HardStatesUnderWayAreMerged) {
  log().open();
  std::vector<uint64_t> called;
  for (uint64_t term = 1; term <= 10; ++term)
    log()->save_hard_state(Term(term), NodeId(term), [&called, term](const Status& status) {
      EXPECT_TRUE(status.ok());
      called.push_back(term);
    });
  EXPECT_TRUE(called.empty());
  ASSERT_TRUE(log().run_until([&] { return called.size() == 10; }));
  EXPECT_TRUE(std::ranges::is_sorted(called));
  log().open();
  EXPECT_EQ(log()->hard_state().term, Term(10));
}

TEST_P(WalState, HardStateThatGoesBackIsAProgrammingError) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  log().open();
  ASSERT_TRUE(log().save_hard_state(3, 2).ok());
  EXPECT_DEATH(log()->save_hard_state(Term(2), NodeId(2), [](const Status&) {}), "go back");
  EXPECT_DEATH(log()->save_hard_state(Term(3), NodeId(1), [](const Status&) {}), "go back");
}

TEST_P(WalState, OneDamagedHardStateIsRepairedFromTheOther) {
  for (const char* name : kHardStateNames) {
    log().open();
    const uint64_t term = log()->hard_state().term.value() + 1;
    ASSERT_TRUE(log().save_hard_state(term, 1).ok());
    log().close();
    const std::string before = log().read_file(name, 0, kBlockBytes);
    log().flip(name, 40);
    log().open();
    EXPECT_EQ(log()->hard_state().term, Term(term));
    log().close();
    EXPECT_EQ(log().read_file(name, 0, kBlockBytes), before);
    ASSERT_TRUE(remove_file(env().disk, log().path(name)).ok());
    log().open();
    EXPECT_EQ(log()->hard_state().term, Term(term));
    log().close();
    EXPECT_EQ(log().read_file(name, 0, kBlockBytes), before);
  }
}

TEST_P(WalState, WithoutAnIntactHardStateTheLogIsRefused) {
  log().open();
  ASSERT_TRUE(log().save_hard_state(3, 1).ok());
  log().close();
  for (const char* name : kHardStateNames) log().flip(name, 4000);
  const Status opened = log().try_open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code(), ErrorCode::kDataLoss);
  EXPECT_NE(opened.error().text().find("hard-state.a"), std::string::npos);
}

}  // namespace
}  // namespace revd::wal

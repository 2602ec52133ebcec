#include "btree/page_file.h"

#include "base/random.h"
#include "base/strings.h"
#include "tests/btree/page_file_fixture.h"

namespace revd::btree {
namespace {

std::string numbered(uint64_t i) {
  std::string key = std::to_string(i);
  return "key" + std::string(8 - key.size(), '0') + key;
}

TEST(PageFile, ANewFileIsEmptyAndDurable) {
  PageFileFixture f(1);
  f.create();
  EXPECT_EQ(f.file->superblock().sequence, CheckpointId(1));
  EXPECT_TRUE(f.file->trees().empty());
  ASSERT_OK(f.reopen());
  EXPECT_EQ(f.file->superblock().sequence, CheckpointId(1));
  EXPECT_TRUE(f.verified());
  f.close();
  const auto again = PageFile::create(f.process->env(), PageFileFixture::kPath, f.options);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
}

TEST(PageFile, PutGetEraseInOneTransaction) {
  PageFileFixture f(1);
  f.create();
  const TreeId id = f.tree("t");
  WriteTxn txn = f.file->begin_write();
  ASSERT_OK(txn.put(id, "a", "1"));
  ASSERT_OK(txn.put(id, "b", "2"));
  ASSERT_OK(txn.put(id, "a", "3"));
  std::string value;
  EXPECT_TRUE(txn.get(id, "a", value).value());
  EXPECT_EQ(value, "3");
  EXPECT_EQ(txn.count(id).value(), 2u);
  EXPECT_TRUE(txn.erase(id, "b").value());
  EXPECT_FALSE(txn.erase(id, "b").value());
  EXPECT_FALSE(txn.contains(id, "b").value());
  txn.commit(f.next_applied());
  f.model[0] = {{"a", "3"}};
  EXPECT_TRUE(f.same_as(f.model));
  EXPECT_EQ(f.file->applied().index, LogIndex(1));
}

TEST(PageFile, RefusesWhatIsNotAKey) {
  PageFileFixture f(1);
  f.create();
  const TreeId id = f.tree("t");
  WriteTxn txn = f.file->begin_write();
  EXPECT_EQ(txn.put(id, "", "x").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(txn.put(TreeId(9), "k", "x").error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(txn.erase(id, "").value());
  txn.commit(f.next_applied());
}

TEST(PageFile, TreesAreFoundByName) {
  PageFileFixture f(1);
  f.create();
  const TreeId a = f.tree("a");
  const TreeId b = f.tree("b", 16384);
  EXPECT_EQ(f.file->find_tree("a"), a);
  EXPECT_EQ(f.file->find_tree("c"), std::nullopt);
  EXPECT_EQ(f.file->ensure_tree("b", {.leaf_page_bytes = 8192}).error().code(),
            ErrorCode::kFailedPrecondition);
  EXPECT_EQ(f.file->ensure_tree("", {}).error().code(), ErrorCode::kInvalidArgument);
  f.put(b, "k", "v");
  ASSERT_OK(f.checkpoint());
  ASSERT_OK(f.reopen());
  EXPECT_EQ(f.file->find_tree("b"), b);
  EXPECT_TRUE(f.same_as(f.model));
  for (int i = 3; i <= 16; ++i) f.tree("tree" + std::to_string(i));
  EXPECT_EQ(f.file->ensure_tree("one more", {}).error().code(), ErrorCode::kResourceExhausted);
}

TEST(PageFile, CommitsAfterTheCheckpointAreTheLogs) {
  PageFileFixture f(1);
  f.create();
  const TreeId id = f.tree("t");
  f.put(id, "a", "1");
  ASSERT_OK(f.checkpoint());
  const Trees durable = f.model;
  f.put(id, "a", "2");
  f.put(id, "b", "2");
  ASSERT_OK(f.reopen());
  EXPECT_TRUE(f.same_as(durable));
  EXPECT_EQ(f.file->applied().index, LogIndex(1));
  EXPECT_EQ(f.file->superblock().info.commit, LogIndex(1));
}

TEST(PageFile, LoadsInOrderAndFillsPages) {
  PageFileFixture f(1);
  f.options.cache_bytes = 32 << 20;
  f.create();
  const TreeId id = f.tree("t");
  WriteTxn txn = f.file->begin_write();
  for (uint64_t i = 0; i < 50000; ++i) {
    ASSERT_OK(txn.put(id, numbered(i), "value " + std::to_string(i)));
    f.model[0][numbered(i)] = "value " + std::to_string(i);
  }
  txn.commit(f.next_applied());
  ASSERT_OK(f.checkpoint());
  const auto report = f.file->verify();
  ASSERT_OK(report);
  EXPECT_GT(report->trees[0].leaf_fill_percent, 95u);
  ASSERT_OK(f.reopen());
  EXPECT_TRUE(f.same_as(f.model));
}

// A tree that loses nine tenths of its keys, evenly or in ranges, shrinks accordingly.
TEST(PageFile, UnderfullPagesAreMerged) {
  for (const bool in_ranges : {false, true}) {
    SCOPED_TRACE(in_ranges);
    PageFileFixture f(1);
    f.options.cache_bytes = 32 << 20;
    f.create();
    const TreeId id = f.tree("t");
    WriteTxn fill = f.file->begin_write();
    for (uint64_t i = 0; i < 40000; ++i) {
      ASSERT_OK(fill.put(id, numbered(i * 7919 % 40000), std::string(100, 'v')));
      f.model[0][numbered(i)] = std::string(100, 'v');
    }
    fill.commit(f.next_applied());
    ASSERT_OK(f.checkpoint());
    const auto before = f.file->verify({.walk_predecessor = true, .min_fill_percent = 50});
    ASSERT_OK(before);
    WriteTxn txn = f.file->begin_write();
    for (uint64_t i = 0; i < 40000; ++i) {
      if (in_ranges ? i % 10000 < 1000 : i % 10 == 0) continue;
      EXPECT_TRUE(txn.erase(id, numbered(i)).value());
      f.model[0].erase(numbered(i));
    }
    txn.commit(f.next_applied());
    const auto after = f.file->verify({.walk_predecessor = true, .min_fill_percent = 40});
    ASSERT_OK(after);
    EXPECT_LT(after->trees[0].leaf_pages, before->trees[0].leaf_pages / 4);
    EXPECT_TRUE(f.same_as(f.model));
    WriteTxn rest = f.file->begin_write();
    for (const auto& [key, value] : f.model[0]) EXPECT_TRUE(rest.erase(id, key).value());
    rest.commit(f.next_applied());
    f.model[0].clear();
    EXPECT_TRUE(f.same_as(f.model));
    ASSERT_OK(f.checkpoint());
    ASSERT_OK(f.checkpoint());
    ASSERT_OK(f.checkpoint());
    EXPECT_TRUE(f.verified());
    EXPECT_LT(f.file->superblock().live_bytes, 16384u);
    EXPECT_EQ(f.file->trees()[0].height, 0);
  }
}

TEST(PageFile, FileDoesNotGrowWithoutBoundUnderOverwrite) {
  PageFileFixture f(1);
  f.create();
  const TreeId id = f.tree("t");
  Random random(7);
  uint64_t after_warm_up = 0;
  for (int round = 0; round < 120; ++round) {
    WriteTxn txn = f.file->begin_write();
    for (int i = 0; i < 200; ++i) {
      std::string value(200, '\0');
      random.fill(std::as_writable_bytes(std::span(value)));
      ASSERT_OK(txn.put(id, numbered(random.below(4000)), value));
    }
    txn.commit(f.next_applied());
    ASSERT_OK(f.checkpoint());
    if (round == 40) after_warm_up = f.file->stats().file_bytes;
  }
  EXPECT_TRUE(f.verified());
  EXPECT_LE(f.file->stats().file_bytes, after_warm_up + f.options.grow_bytes_min);
  EXPECT_LT(f.file->stats().file_bytes, 6 * f.file->stats().live_bytes);
}

TEST(PageFile, SnapshotsKeepTheirContent) {
  PageFileFixture f(3);
  f.create();
  const TreeId id = f.tree("t");
  for (uint64_t i = 0; i < 2000; ++i) f.put(id, numbered(i), "old" + std::to_string(i));
  std::vector<Trees> seen;
  for (int round = 0; round < 6; ++round) {
    f.snapshots.push_back(f.file->snapshot());
    seen.push_back(f.model);
    for (uint64_t i = 0; i < 2000; i += 3) f.put(id, numbered(i), "round " + std::to_string(round));
    for (uint64_t i = static_cast<uint64_t>(round); i < 2000; i += 11) f.erase(id, numbered(i));
    ASSERT_OK(f.checkpoint());
  }
  for (size_t i = 0; i < seen.size(); ++i)
    EXPECT_TRUE(PageFileFixture::same(f.snapshots[i], id, seen[i][0])) << i;
  f.snapshots.clear();
  ASSERT_OK(f.checkpoint());
  ASSERT_OK(f.checkpoint());
  EXPECT_TRUE(f.verified());
  EXPECT_EQ(f.file->stats().superseded_bytes, 0u);
}

TEST(PageFile, OldSnapshotsExpire) {
  PageFileFixture f(3);
  f.options.snapshot_age_max = std::chrono::seconds(10);
  f.create();
  const TreeId id = f.tree("t");
  f.put(id, "a", "1");
  Snapshot snapshot = f.file->snapshot();
  auto cursor = snapshot.cursor(id).value();
  ASSERT_OK(cursor.seek_first());
  f.world.run_for(std::chrono::seconds(11));
  f.put(id, "a", "2");
  std::string value;
  const auto got = snapshot.get(id, "a", value);
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code(), ErrorCode::kAborted);
  EXPECT_EQ(cursor.next().error().code(), ErrorCode::kAborted);
  EXPECT_EQ(f.file->stats().snapshots_expired, 1u);
}

// What snapshots alone keep in memory is bounded; the oldest give way first.
TEST(PageFile, SnapshotsThatHoldTooMuchMemoryExpire) {
  PageFileFixture f(3);
  f.options.snapshot_pinned_bytes_max = 256 << 10;
  f.create();
  const TreeId id = f.tree("t");
  std::vector<Snapshot> held;
  for (int round = 0; round < 40; ++round) {
    held.push_back(f.file->snapshot());
    f.put(id, "big" + std::to_string(round % 3), std::string(20000, static_cast<char>('a' + round % 26)));
    EXPECT_LE(f.file->stats().superseded_bytes, f.options.snapshot_pinned_bytes_max + (64u << 10));
  }
  EXPECT_FALSE(held.front().count(id).ok());
  EXPECT_TRUE(held.back().count(id).ok());
  EXPECT_GT(f.file->stats().snapshots_expired, 0u);
  held.clear();
  EXPECT_TRUE(f.verified());
}

TEST(PageFile, ATransactionThatPreservesLeavesThePublishedVersionReadable) {
  PageFileFixture f(3);
  f.create();
  const TreeId id = f.tree("t");
  for (uint64_t i = 0; i < 500; ++i) f.put(id, numbered(i), "old");
  const Trees before = f.model;
  WriteTxn txn = f.file->begin_write({.preserve_published = true});
  for (uint64_t i = 0; i < 500; i += 2) {
    ASSERT_OK(txn.put(id, numbered(i), "new"));
    f.model[0][numbered(i)] = "new";
  }
  Snapshot during = f.file->snapshot();
  f.start_checkpoint();
  for (uint64_t i = 1; i < 500; i += 2) {
    EXPECT_TRUE(txn.erase(id, numbered(i)).value());
    f.model[0].erase(numbered(i));
  }
  EXPECT_TRUE(PageFileFixture::same(during, id, before[0]));
  f.finish_checkpoint();
  ASSERT_OK(f.checkpoint_status);
  txn.commit(f.next_applied());
  EXPECT_TRUE(PageFileFixture::same(during, id, before[0]));
  EXPECT_TRUE(f.same_as(f.model));
  {
    const Snapshot gone = std::move(during);
  }
  ASSERT_OK(f.reopen());
  EXPECT_TRUE(f.same_as(before));
}

TEST(PageFile, ACursorSeesItsTransactionsChanges) {
  PageFileFixture f(3);
  f.create();
  const TreeId id = f.tree("t");
  for (uint64_t i = 0; i < 1000; ++i) f.put(id, numbered(i), "v");
  WriteTxn txn = f.file->begin_write();
  {
    auto cursor = txn.cursor(id).value();
    ASSERT_OK(cursor.seek(numbered(0)));
    // Erases what it stands on, and puts one key behind and one before.
    uint64_t steps = 0;
    while (cursor.valid() && steps < 1000) {
      const std::string key(cursor.key());
      EXPECT_EQ(key, numbered(steps));
      EXPECT_TRUE(txn.erase(id, key).value());
      ASSERT_OK(txn.put(id, "a" + key, "moved"));
      ++steps;
      ASSERT_OK(cursor.next());
    }
    EXPECT_EQ(steps, 1000u);
    EXPECT_FALSE(cursor.valid());
    ASSERT_OK(cursor.seek_before("b"));
    EXPECT_EQ(cursor.key(), "a" + numbered(999));
    ASSERT_OK(cursor.prev());
    EXPECT_EQ(cursor.key(), "a" + numbered(998));
  }
  txn.commit(f.next_applied());
}

TEST(PageFile, AFailedWriteStopsIt) {
  PageFileFixture f(3);
  f.create();
  const TreeId id = f.tree("t");
  f.put(id, "a", "1");
  ASSERT_OK(f.checkpoint());
  const Trees durable = f.model;
  f.put(id, "a", "2");
  f.process->disk().faults.sync_error = 1;
  EXPECT_FALSE(f.checkpoint().ok());
  EXPECT_FALSE(f.file->failed().ok());
  EXPECT_TRUE(f.same_as(f.model));  // reads go on
  {
    WriteTxn txn = f.file->begin_write();
    EXPECT_FALSE(txn.put(id, "b", "1").ok());
  }
  EXPECT_FALSE(f.checkpoint().ok());
  f.process->disk().faults.sync_error = 0;
  ASSERT_OK(f.reopen());
  EXPECT_TRUE(f.same_as(durable));
}

TEST(PageFile, AnAbandonedTransactionStopsIt) {
  PageFileFixture f(3);
  f.create();
  const TreeId id = f.tree("t");
  {
    const WriteTxn nothing = f.file->begin_write();
  }
  EXPECT_TRUE(f.file->failed().ok());
  {
    WriteTxn txn = f.file->begin_write();
    ASSERT_OK(txn.put(id, "a", "1"));
  }
  EXPECT_FALSE(f.file->failed().ok());
}

// A read error once is repeated; one that stays is an error that names the place, and the rest is readable.
TEST(PageFile, ADamagedLeafIsReportedAndTheRestStaysReadable) {
  PageFileFixture f(3);
  f.create();
  const TreeId id = f.tree("t");
  for (uint64_t i = 0; i < 2000; ++i) f.put(id, numbered(i), std::string(60, 'x'));
  ASSERT_OK(f.checkpoint());
  f.close();
  const std::string bytes = f.process->medium().read(PageFileFixture::kPath);
  // A place in some leaf: behind the extent header of the third extent, wherever that is.
  size_t at = 0;
  for (int i = 0; i < 3; ++i) at = bytes.find("RVET", at + 1);
  ASSERT_NE(at, std::string::npos);
  f.process->medium().flip(PageFileFixture::kPath, at + 100, std::byte{4});
  ASSERT_OK(f.open());
  Snapshot snapshot = f.file->snapshot();
  size_t lost = 0;
  for (const auto& [key, value] : f.model[0]) {
    std::string got;
    const auto found = snapshot.get(id, key, got);
    if (!found.ok()) {
      ++lost;
      EXPECT_EQ(found.error().code(), ErrorCode::kDataLoss);
      EXPECT_NE(found.error().text().find("/data/pages: offset"), std::string::npos) << found.error().text();
      continue;
    }
    ASSERT_TRUE(*found);
    EXPECT_EQ(got, value);
  }
  EXPECT_GT(lost, 0u);
  EXPECT_LT(lost, 500u);
  EXPECT_GT(f.file->stats().page_reads_repeated, 0u);
  EXPECT_FALSE(f.file->verify().ok());
}

}  // namespace
}  // namespace revd::btree

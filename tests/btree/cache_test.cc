#include "btree/cache.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace revd::btree {
namespace {

PagePointer pointer_to(uint64_t sector, PageType type = PageType::kLeaf, uint32_t bytes = 8192) {
  return PagePointer::on_disk({.sector = sector,
                               .codec = Codec::kRaw,
                               .type = type,
                               .stored_bytes = bytes,
                               .raw_bytes = bytes,
                               .birth = CheckpointId(1),
                               .checksum = sector * 31});
}

class CacheTest : public ::testing::Test {
 protected:
  CacheTest() : cache_(0) {}  // the smallest: 16 slots
  FrameId insert(uint64_t sector, PageType type = PageType::kLeaf, uint32_t bytes = 8192) {
    const FrameId frame = cache_.allocate(bytes);
    if (frame == kNoFrame) return frame;
    cache_.insert_clean(frame, TreeId(1), pointer_to(sector, type, bytes));
    return frame;
  }
  bool has(uint64_t sector) { return cache_.find(sector, sector * 31) != kNoFrame; }
  Cache cache_;
};

TEST_F(CacheTest, FindsWhatWasInserted) {
  const FrameId frame = insert(100);
  EXPECT_EQ(cache_.find(100, 3100), frame);
  EXPECT_EQ(cache_.find(100, 3101), kNoFrame);  // other contents at the same place
  EXPECT_EQ(cache_.find(101, 3100), kNoFrame);
  cache_.drop_sector(100);
  EXPECT_FALSE(has(100));
}

TEST_F(CacheTest, ItsSizeIsAHardLimit) {
  for (uint64_t i = 1; i <= 1000; ++i) ASSERT_NE(insert(i * 16), kNoFrame);
  uint64_t inside = 0;
  for (uint64_t i = 1; i <= 1000; ++i) inside += has(i * 16);
  EXPECT_LE(inside, 32u);
  EXPECT_GE(inside, 31u);
  EXPECT_GE(cache_.evictions(), 968u);
}

TEST_F(CacheTest, ScansDontPushOutWhatIsUsed) {
  for (uint64_t i = 1; i <= 8; ++i) {
    insert(i);
    for (int uses = 0; uses < 3; ++uses) EXPECT_TRUE(has(i));
  }
  for (uint64_t i = 100; i < 400; ++i) {
    insert(i);
    if (i % 10 == 0)
      for (uint64_t hot = 1; hot <= 8; ++hot) has(hot);
  }
  for (uint64_t i = 1; i <= 8; ++i) EXPECT_TRUE(has(i)) << i;
}

TEST_F(CacheTest, InnerNodesGoLast) {
  for (uint64_t i = 1; i <= 4; ++i) insert(i * 64, PageType::kInner, 16384);
  for (uint64_t i = 1000; i < 1200; ++i) insert(i);
  for (uint64_t i = 1; i <= 4; ++i) EXPECT_TRUE(has(i * 64));
}

TEST_F(CacheTest, PinnedAndDirtyFramesStay) {
  const FrameId pinned = insert(1);
  cache_.pin(pinned);
  const FrameId dirty = cache_.allocate(16384);
  cache_.insert_dirty(dirty, TreeId(1), PageType::kLeaf, DirtyId(5), 1);
  for (uint64_t i = 100; i < 300; ++i) insert(i);
  EXPECT_TRUE(has(1));
  EXPECT_EQ(cache_.frame(dirty).state, FrameState::kDirty);
  EXPECT_EQ(cache_.list_bytes(FrameList::kDirtyLow), 16384u);
  cache_.unpin(pinned);
  for (uint64_t i = 300; i < 600; ++i) insert(i);
  EXPECT_FALSE(has(1));
}

TEST_F(CacheTest, AllDirtyMeansNoFrame) {
  std::vector<FrameId> frames;
  for (int i = 0; i < 16; ++i) {
    frames.push_back(cache_.allocate(16384));
    ASSERT_NE(frames.back(), kNoFrame);
    cache_.insert_dirty(frames.back(), TreeId(1), PageType::kLeaf, DirtyId(1), 1);
  }
  EXPECT_EQ(cache_.allocate(8192), kNoFrame);
  cache_.make_clean(frames[3], pointer_to(64, PageType::kLeaf, 16384));
  EXPECT_NE(cache_.allocate(8192), kNoFrame);
}

TEST_F(CacheTest, HalvesBecomeSlotsAgain) {
  std::vector<FrameId> halves;
  for (uint64_t i = 1; i <= 32; ++i) halves.push_back(insert(i));
  for (const FrameId half : halves) cache_.drop(half);
  EXPECT_EQ(cache_.list_bytes(FrameList::kFreeFull), cache_.arena_bytes());
  EXPECT_TRUE(cache_.reserve_slots(16));
  EXPECT_FALSE(cache_.reserve_slots(17));
}

TEST_F(CacheTest, AFrameDroppedWhilePinnedIsFreeAtItsLastUnpin) {
  const FrameId frame = insert(9);
  {
    cache_.pin(frame);
    const PageRef guard(cache_, frame);
    cache_.drop(frame);
    EXPECT_FALSE(has(9));
    EXPECT_EQ(cache_.frame(frame).state, FrameState::kOrphan);
  }
  EXPECT_EQ(cache_.frame(frame).state, FrameState::kFree);
}

TEST_F(CacheTest, ReadersPinAtMostHalf) {
  std::vector<FrameId> pinned;
  for (uint64_t i = 1; i <= 32; ++i) {
    const FrameId frame = insert(i);
    if (frame == kNoFrame || !cache_.pin_for_reader(frame)) break;
    pinned.push_back(frame);
  }
  EXPECT_EQ(pinned.size(), 16u);
  EXPECT_NE(cache_.allocate(8192), kNoFrame);
  for (const FrameId frame : pinned) cache_.unpin(frame);
}

TEST_F(CacheTest, TheTableSurvivesRandomInsertsAndDrops) {
  Random random(5);
  for (int i = 0; i < 20000; ++i) {
    const uint64_t sector = 1 + random.below(60);
    if (random.chance(1, 2)) {
      cache_.drop_sector(sector);
      EXPECT_FALSE(has(sector));
    } else {
      const FrameId frame = insert(sector);
      ASSERT_NE(frame, kNoFrame);
      EXPECT_EQ(cache_.find(sector, sector * 31), frame);
    }
  }
}

}  // namespace
}  // namespace revd::btree

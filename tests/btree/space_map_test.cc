#include "btree/space_map.h"

#include "base/random.h"
#include "tests/btree/page_file_fixture.h"

namespace revd::btree {
namespace {

SpaceMap empty_map(uint64_t blocks) {
  SpaceMap map(blocks);
  map.load_empty();
  return map;
}

constexpr auto kIgnore = [](const Extent&) {};

TEST(SpaceMap, HandsOutFreeRunsOnly) {
  SpaceMap map = empty_map(16);
  const uint64_t free = map.free_blocks();
  EXPECT_EQ(free, 14u);  // blocks 0 and 1 hold superblocks
  const auto run = map.allocate(2, 4);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->block, 2u);
  EXPECT_EQ(run->blocks, 4u);
  map.settle(*run, {{.sector = 16, .sectors = 9}});  // one block and a sector
  EXPECT_EQ(map.free_blocks(), free - 2);
  EXPECT_EQ(map.allocate(14, 14), std::nullopt);
  map.grow(14);
  EXPECT_TRUE(map.allocate(14, 14));
}

TEST(SpaceMap, ABlockIsFreeWhenAllItsExtentsAreReleased) {
  SpaceMap map = empty_map(8);
  const auto run = map.allocate(1, 1);
  const uint64_t sector = run->block * 8;
  map.settle(*run, {{.sector = sector, .sectors = 3}, {.sector = sector + 3, .sectors = 5}});
  const uint64_t free = map.free_blocks();
  map.retire({.sector = sector, .sectors = 3}, CheckpointId(2));
  map.retire({.sector = sector + 3, .sectors = 5}, CheckpointId(3));
  map.release(CheckpointId(1), CheckpointId(UINT64_MAX), kIgnore);
  EXPECT_EQ(map.retired_sectors(), 8u);
  map.release(CheckpointId(2), CheckpointId(UINT64_MAX), kIgnore);
  EXPECT_EQ(map.retired_sectors(), 5u);
  EXPECT_EQ(map.free_blocks(), free);
  map.release(CheckpointId(3), CheckpointId(3), kIgnore);  // a snapshot from before 3 is open
  EXPECT_EQ(map.free_blocks(), free);
  map.release(CheckpointId(3), CheckpointId(4), kIgnore);
  EXPECT_EQ(map.free_blocks(), free + 1);
}

TEST(SpaceMap, GoldenImage) {
  SpaceMap map = empty_map(6);
  const auto run = map.allocate(3, 3);
  map.settle(*run,
             {{.sector = 16, .sectors = 10}, {.sector = 26, .sectors = 2}, {.sector = 33, .sectors = 4}});
  map.retire({.sector = 26, .sectors = 2}, CheckpointId(5));
  map.retire({.sector = 33, .sectors = 1}, CheckpointId(6));
  const std::string image = map.encode_image(CheckpointId(5), {{.sector = 34, .sectors = 3}});
  const std::string expected(
      "RVSM\x01\0\0\0\x06\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0"  // header: 6 blocks, 1 retired,
                                                                              // of 5
      "\xff\xff\xff\x0f\x02\0"                                                // used sectors per block
      "\x1a\0\0\0\0\0\0\0\x02\0\0\0\x05\0\0\0\0\0\0\0",                       // 2 sectors at 26, by 5
      32 + 6 + 20);
  EXPECT_EQ(image, expected);
}

TEST(SpaceMap, ImageRoundTripAndHostileImages) {
  SpaceMap map = empty_map(40);
  const auto run = map.allocate(30, 30);
  map.settle(*run, {{.sector = 16, .sectors = 100}, {.sector = 200, .sectors = 7}});
  map.retire({.sector = 200, .sectors = 7}, CheckpointId(9));
  const std::string image = map.encode_image(CheckpointId(9), {});
  SpaceMap loaded(40);
  loaded.retire({.sector = 20, .sectors = 4}, CheckpointId(10));  // since opening
  ASSERT_OK(loaded.load_image(as_bytes(image)));
  EXPECT_EQ(loaded.used_sectors(), map.used_sectors());
  EXPECT_EQ(loaded.free_blocks(), map.free_blocks());
  EXPECT_EQ(loaded.retired().size(), 2u);
  for (size_t cut = 0; cut < image.size(); ++cut) {
    SpaceMap hostile(40);
    EXPECT_FALSE(hostile.load_image(as_bytes(image).first(cut)).ok());
    EXPECT_FALSE(hostile.loaded());
  }
  for (size_t i = 0; i < image.size(); ++i) {
    std::string changed = image;
    changed[i] = static_cast<char>(changed[i] ^ 0x55);
    SpaceMap hostile(40);
    (void)hostile.load_image(as_bytes(changed)).ok();  // must not abort or read out of bounds
  }
}

// Never twice the same sector, and everything that is given back can be had again.
TEST(SpaceMap, AgreesWithASetOfSectors) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    SpaceMap map = empty_map(300);
    std::set<uint64_t> used;
    std::vector<Extent> live;
    uint64_t now = 1;
    for (int step = 0; step < 2000; ++step) {
      if (random.chance(1, 2) || live.empty()) {
        const auto least = static_cast<uint32_t>(random.between(1, 5));
        const auto run = map.allocate(least, least + static_cast<uint32_t>(random.below(10)));
        if (!run) {
          map.grow(random.below(20) + 20);
          continue;
        }
        std::vector<Extent> extents;
        for (uint64_t sector = run->block * 8; sector < (run->block + run->blocks) * 8;) {
          const auto length = static_cast<uint32_t>(
              std::min<uint64_t>(random.between(1, 33), (run->block + run->blocks) * 8 - sector));
          if (random.chance(3, 4)) extents.push_back({.sector = sector, .sectors = length});
          sector += length;
        }
        map.settle(*run, extents);
        for (const Extent& extent : extents) {
          for (uint32_t i = 0; i < extent.sectors; ++i) ASSERT_TRUE(used.insert(extent.sector + i).second);
          live.push_back(extent);
        }
      } else {
        const size_t at = random.below(live.size());
        map.retire(live[at], CheckpointId(now));
        live.erase(live.begin() + static_cast<ptrdiff_t>(at));
      }
      if (random.chance(1, 20)) {
        map.release(CheckpointId(now - 1), CheckpointId(UINT64_MAX), [&](const Extent& extent) {
          for (uint32_t i = 0; i < extent.sectors; ++i) ASSERT_EQ(used.erase(extent.sector + i), 1u);
        });
        ++now;
      }
      ASSERT_EQ(map.used_sectors(), used.size() + (map.file_blocks() > 257 ? 32 : 16));
    }
  }
}

// A damaged space map is rebuilt from the trees; nothing that either superblock needs is overwritten
// meanwhile.
TEST(SpaceMap, ADamagedOneIsRebuiltFromTheTrees) {
  for (const bool predecessor_too : {false, true}) {
    SCOPED_TRACE(predecessor_too);
    PageFileFixture f(21);
    f.create();
    const TreeId id = f.tree("t");
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < 300; ++i)
        f.put(id, "key" + std::to_string(i * 7 % 900), std::string(200, static_cast<char>('a' + round)));
      ASSERT_OK(f.checkpoint());
    }
    const PagePointer map = f.file->superblock().space_map;
    f.close();
    f.process->medium().flip(PageFileFixture::kPath, map.sector() * 512 + 70, std::byte{2});
    if (predecessor_too)  // its own space map: then it can't be walked completely
      for (const size_t copy : {0u, 1u})
        f.process->medium().flip(PageFileFixture::kPath, superblock_offset(1, copy) + 300, std::byte{1});
    ASSERT_OK(f.open());
    for (int round = 0; round < 4; ++round) {
      for (int i = 0; i < 200; ++i)
        f.put(id, "key" + std::to_string(i * 11 % 900), std::string(150, static_cast<char>('A' + round)));
      ASSERT_OK(f.checkpoint());
      EXPECT_TRUE(f.same_as(f.model));
    }
    EXPECT_TRUE(f.verified());
    ASSERT_OK(f.reopen());
    EXPECT_TRUE(f.same_as(f.model));
    EXPECT_TRUE(f.verified());
  }
}

}  // namespace
}  // namespace revd::btree

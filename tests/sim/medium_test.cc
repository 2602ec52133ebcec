// What a power cut leaves of SimMedium: the model that all crash tests stand on.
#include "tests/sim/medium.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/sim/disk_fixture.h"

namespace revd {
namespace {

constexpr int kCuts = 400;

class SimMediumTest : public SimDiskTest {
 protected:
  // Content of `path` after each of many power cuts from here; "-" where it is missing.
  std::map<std::string, int> outcomes(const std::string& path, const SimCrashOptions& options = {}) {
    std::map<std::string, int> seen;
    Random random(7);
    for (int i = 0; i < kCuts; ++i) {
      const SimMedium after = medium().crash(random, options);
      ++seen[after.exists(path) ? after.read(path) : "-"];
    }
    return seen;
  }
  static std::string bytes(size_t size, char fill) { return std::string(size, fill); }
};

TEST_F(SimMediumTest, WhatWasSyncedSurvivesEveryPowerCut) {
  const FileHandle file = open_durably("/d/a");
  write(file, 0, 3 * kBlock, 'x');
  sync(file);
  const std::map<std::string, int> seen = outcomes("/d/a");
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen.begin()->first, bytes(3 * kBlock, 'x'));
}

TEST_F(SimMediumTest, ADurableWriteSurvivesEveryPowerCutAlone) {
  const FileHandle file = open_durably("/d/a");
  write(file, 0, 4 * kBlock, 'x');
  sync(file);
  write(file, 0, kBlock, 'n');
  write(file, kBlock, kBlock, 'd', /*durable=*/true);
  Random random(3);
  std::map<std::string, int> first_blocks;
  for (int i = 0; i < kCuts; ++i) {
    const std::string after = medium().crash(random).read("/d/a");
    EXPECT_EQ(after.substr(kBlock, kBlock), bytes(kBlock, 'd'));
    EXPECT_EQ(after.substr(2 * kBlock), bytes(2 * kBlock, 'x'));
    ++first_blocks[after.substr(0, kBlock)];
  }
  EXPECT_GT(first_blocks.size(), 2U) << "the unsynced neighbour must be old, new and mixed";
}

TEST_F(SimMediumTest, ADurableWriteCoversEarlierPendingBytes) {
  const FileHandle file = open_durably("/d/a");
  write(file, 0, 4 * kBlock, 'p');
  write(file, kBlock, 2 * kBlock, 'd', /*durable=*/true);
  Random random(3);
  for (int i = 0; i < kCuts; ++i) {
    const std::string after = medium().crash(random).read("/d/a");
    ASSERT_GE(after.size(), 3 * kBlock);
    EXPECT_EQ(after.substr(kBlock, 2 * kBlock), bytes(2 * kBlock, 'd'));
  }
}

TEST_F(SimMediumTest, PendingSectorsAreKeptLostAndTornIndependently) {
  const FileHandle file = open_durably("/d/a");
  write(file, 0, kBlock, 'o');
  sync(file);
  write(file, 0, kBlock, 'n');
  bool kept_all = false;
  bool lost_all = false;
  bool torn = false;
  bool mixed = false;
  for (const auto& [after, count] : outcomes("/d/a")) {
    ASSERT_EQ(after.size(), kBlock);
    EXPECT_EQ(after.find_first_not_of("on"), std::string::npos);
    kept_all |= after == bytes(kBlock, 'n');
    lost_all |= after == bytes(kBlock, 'o');
    for (size_t at = 0; at < kBlock; at += kSectorBytes) {
      const std::string sector = after.substr(at, kSectorBytes);
      const size_t fresh = sector.find('o');
      EXPECT_TRUE(fresh == std::string::npos || sector.find('n', fresh) == std::string::npos)
          << "a torn sector is a new prefix and an old rest";
      torn |= fresh != std::string::npos && fresh != 0;
    }
    mixed |= after.substr(0, kSectorBytes) == bytes(kSectorBytes, 'o') &&
             after.find(bytes(kSectorBytes, 'n')) != std::string::npos;
  }
  EXPECT_TRUE(kept_all && lost_all && torn && mixed);
}

TEST_F(SimMediumTest, GarbageAppearsOnlyWhenAskedFor) {
  const FileHandle file = open_durably("/d/a");
  write(file, 0, kBlock, 'n');
  bool garbage = false;
  for (const auto& [after, count] : outcomes("/d/a", {.torn = true, .garbage = true}))
    garbage |= after.find_first_not_of(std::string("n\0", 2)) != std::string::npos;
  EXPECT_TRUE(garbage);
  for (const auto& [after, count] : outcomes("/d/a"))
    EXPECT_EQ(after.find_first_not_of(std::string("n\0", 2)), std::string::npos);
}

TEST_F(SimMediumTest, TheSizeIsPendingToo) {
  const FileHandle file = open_durably("/d/a");
  write(file, 0, kBlock, 'a');
  sync(file);
  write(file, kBlock, kBlock, 'b');
  ASSERT_TRUE(truncate_file(disk(), file, 3 * kBlock).ok());
  std::map<size_t, int> sizes;
  for (const auto& [after, count] : outcomes("/d/a")) sizes[after.size()] += count;
  EXPECT_EQ(sizes.size(), 3U);
  EXPECT_TRUE(sizes.contains(kBlock) && sizes.contains(2 * kBlock) && sizes.contains(3 * kBlock));
}

TEST_F(SimMediumTest, ASyncCoversWhatHadEndedWhenItStarted) {
  const FileHandle file = open_durably("/d/a");
  write(file, 0, kBlock, 'o');
  sync(file);
  AlignedBuffer buffer(kBlock);
  std::fill_n(buffer.data(), kBlock, std::byte{'n'});
  disk().latency.write = std::chrono::microseconds(10);
  disk().latency.sync = std::chrono::seconds(1);
  DiskOp late;
  late.kind = DiskOp::Kind::kWrite;
  late.file = file;
  late.write_from = buffer.span();
  late.on_done = [] {};
  DiskOp first;
  first.kind = DiskOp::Kind::kSync;
  first.file = file;
  bool synced = false;
  first.on_done = [&] { synced = true; };
  disk().submit(first);
  disk().submit(late);
  ASSERT_TRUE(world_.run_until([&] { return synced; }));
  ASSERT_TRUE(late.result.ok());
  EXPECT_EQ(read(file, 0, kBlock), bytes(kBlock, 'n'));
  EXPECT_GT(outcomes("/d/a").size(), 1U) << "the write ended after the sync had started";
}

TEST_F(SimMediumTest, AnOperationInFlightMayOrMayNotHaveHappened) {
  const FileHandle file = open_durably("/d/a");
  write(file, 0, kBlock, 'o');
  sync(file);
  AlignedBuffer buffer(kBlock);
  std::fill_n(buffer.data(), kBlock, std::byte{'n'});
  DiskOp op;
  op.kind = DiskOp::Kind::kWrite;
  op.file = file;
  op.durable = true;
  op.write_from = buffer.span();
  disk().submit(op);
  const std::map<std::string, int> seen = outcomes("/d/a");
  EXPECT_TRUE(seen.contains(bytes(kBlock, 'o')));
  EXPECT_TRUE(seen.contains(bytes(kBlock, 'n')));
  EXPECT_GT(seen.size(), 2U);
  EXPECT_EQ(medium().read("/d/a"), bytes(kBlock, 'o')) << "exploring crashes must change nothing";
}

TEST_F(SimMediumTest, NamesAndDataAreIndependent) {
  const FileHandle unnamed = open("/d/unnamed");
  write(unnamed, 0, kBlock, 'x');
  sync(unnamed);
  EXPECT_TRUE(outcomes("/d/unnamed").contains("-")) << "a synced file without a synced name";
  const FileHandle named = open_durably("/d/named");
  write(named, 0, kBlock, 'x');
  const std::map<std::string, int> seen = outcomes("/d/named");
  EXPECT_FALSE(seen.contains("-"));
  EXPECT_TRUE(seen.contains("")) << "a durable name of lost bytes";
}

TEST_F(SimMediumTest, ARenameIsOldOrNewAndNeverNeither) {
  for (const char* name : {"/d/current", "/d/next"}) {
    const FileHandle file = open_durably(name);
    write(file, 0, kBlock, name[3]);
    sync(file);
  }
  ASSERT_TRUE(rename_file(disk(), "/d/next", "/d/current").ok());
  Random random(5);
  int old_one = 0;
  for (int i = 0; i < kCuts; ++i) {
    const SimMedium after = medium().crash(random);
    ASSERT_TRUE(after.exists("/d/current"));
    const bool is_old = after.read("/d/current") == bytes(kBlock, 'c');
    EXPECT_TRUE(is_old || after.read("/d/current") == bytes(kBlock, 'n'));
    EXPECT_EQ(after.exists("/d/next"), is_old) << "one name or the other";
    old_one += is_old ? 1 : 0;
  }
  EXPECT_GT(old_one, 0);
  EXPECT_LT(old_one, kCuts);
  ASSERT_TRUE(sync_directory(disk(), "/d").ok());
  EXPECT_EQ(outcomes("/d/next").count("-"), 1U);
  EXPECT_EQ(outcomes("/d/current").size(), 1U);
}

TEST_F(SimMediumTest, ChangesOfOneNameSurviveAsAPrefix) {
  open("/d/tmp");
  ASSERT_TRUE(rename_file(disk(), "/d/tmp", "/d/final").ok());
  open("/d/other");
  Random random(5);
  std::map<std::string, int> seen;
  for (int i = 0; i < kCuts; ++i) {
    std::string names;
    for (const std::string& path : medium().crash(random).files()) names += path + " ";
    ++seen[names];
  }
  // Nothing, only created, renamed; each with and without the unrelated file.
  EXPECT_EQ(seen.size(), 6U);
  EXPECT_FALSE(seen.contains("/d/final /d/tmp "));
}

TEST_F(SimMediumTest, ARemovalNeverOvertakesARenameOfTheSameName) {
  open_durably("/d/a");
  open_durably("/d/x");
  ASSERT_TRUE(rename_file(disk(), "/d/x", "/d/a").ok());
  ASSERT_TRUE(remove_file(disk(), "/d/a").ok());
  Random random(5);
  std::map<size_t, int> counts;
  for (int i = 0; i < kCuts; ++i) {
    const SimMedium after = medium().crash(random);
    ++counts[after.files().size()];
    EXPECT_TRUE(after.files().size() != 1 || after.exists("/d/a")) << "only the rename happened";
  }
  EXPECT_EQ(counts.size(), 3U);
}

TEST_F(SimMediumTest, ARemovedFileMayComeBackWhole) {
  const FileHandle file = open_durably("/d/a");
  write(file, 0, kBlock, 'x');
  sync(file);
  ASSERT_TRUE(close_file(disk(), file).ok());
  ASSERT_TRUE(remove_file(disk(), "/d/a").ok());
  const std::map<std::string, int> seen = outcomes("/d/a");
  EXPECT_EQ(seen.size(), 2U);
  EXPECT_TRUE(seen.contains("-"));
  EXPECT_TRUE(seen.contains(bytes(kBlock, 'x')));
}

TEST_F(SimMediumTest, ALostDirectoryTakesItsFilesAlong) {
  ASSERT_TRUE(make_directory(disk(), "/d/sub").ok());
  const FileHandle file = open_durably("/d/sub/a");
  write(file, 0, kBlock, 'x');
  sync(file);
  EXPECT_TRUE(outcomes("/d/sub/a").contains("-"));
  ASSERT_TRUE(sync_directory(disk(), "/d").ok());
  EXPECT_EQ(outcomes("/d/sub/a").count("-"), 0U);
}

TEST_F(SimMediumTest, CopiesAreIndependent) {
  const FileHandle file = open_durably("/d/a");
  write(file, 0, 2 * kBlock, 'x');
  const SimMedium copy = medium();
  write(file, 0, kBlock, 'y');
  medium().flip("/d/a", kBlock, std::byte{1});
  EXPECT_EQ(copy.read("/d/a"), bytes(2 * kBlock, 'x'));
  SimMedium other = copy;
  other.overwrite("/d/a", 0, as_bytes("zzz"));
  other.overwrite("/new", 0, as_bytes("n"));
  other.truncate("/d/a", 3);
  EXPECT_EQ(other.read("/d/a"), "zzz");
  EXPECT_EQ(copy.read("/d/a"), bytes(2 * kBlock, 'x'));
  EXPECT_EQ(medium().read("/d/a").substr(0, kBlock), bytes(kBlock, 'y'));
  EXPECT_EQ(medium().files(), std::vector<std::string>{"/d/a"});
  other.remove("/d/a");
  EXPECT_EQ(other.files(), std::vector<std::string>{"/new"});
}

// Random changes of one file against a plain string; a settled or drop-cached file equals it.
TEST_F(SimMediumTest, RandomChangesMatchAPlainString) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    SimFile file;
    std::string model;
    for (int step = 0; step < 200; ++step) {
      const uint64_t offset = random.below(6) * kBlock;
      const uint64_t length = (1 + random.below(3)) * kBlock;
      const auto grow = [&](uint64_t size) { model.resize(std::max<uint64_t>(model.size(), size), '\0'); };
      const auto data = std::make_shared<std::vector<std::byte>>(length, static_cast<std::byte>(step));
      switch (random.below(7)) {
        case 0:
        case 1:
          grow(offset + length);
          model.replace(offset, length, length, static_cast<char>(step));
          if (random.chance(1, 2))
            file.write(offset, data, {});
          else
            file.write_durable(offset, data);
          break;
        case 2: model.resize(offset + 100, '\0'), file.truncate(offset + 100); break;
        case 3: grow(offset + length), file.allocate(offset, length); break;
        case 4:
          file.punch(offset, length);
          if (offset < model.size())
            std::fill(model.begin() + static_cast<std::ptrdiff_t>(offset),
                      model.begin() + static_cast<std::ptrdiff_t>(std::min(model.size(), offset + length)),
                      '\0');
          break;
        case 5: file.sync(file.latest_change()); break;
        default: file.drop_cache();
      }
      std::string seen(model.size() + kBlock, '?');
      const uint64_t count = file.read(0, {reinterpret_cast<std::byte*>(seen.data()), seen.size()});
      ASSERT_EQ(count, model.size());
      ASSERT_TRUE(seen.substr(0, count) == model) << "step " << step;
    }
    file.sync(file.latest_change());
    file.power_cut(random, {.lost = 1000, .keep_all_metadata = false, .lose_all_metadata = true});
    std::string seen(model.size(), '?');
    ASSERT_EQ(file.read(0, {reinterpret_cast<std::byte*>(seen.data()), seen.size()}), model.size());
    ASSERT_TRUE(seen == model) << "synced, then cut";
  }
}

}  // namespace
}  // namespace revd

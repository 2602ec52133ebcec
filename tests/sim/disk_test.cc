// SimDisk: crash points, time, misuse.
#include "tests/sim/disk.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/sim/disk_fixture.h"

namespace revd {
namespace {

// Six operations that change the medium: twelve points at which the power may go.
class Script {
 public:
  explicit Script(uint64_t seed) : world_(seed), node_(world_.add_process("n1")) {
    node_.medium().make_directory("/d");
  }
  Status run() {
    Disk& disk = node_.disk();
    AlignedBuffer buffer(kBytes);
    TRY_ASSIGN(const OpenedFile opened, open_file(disk, "/d/log", {.create = true}));
    TRY(sync_directory(disk, "/d"));
    std::fill_n(buffer.data(), kBytes, std::byte{'1'});
    TRY(write_fully(disk, opened.file, 0, buffer.span(), /*durable=*/true));
    ++acknowledged_;
    std::fill_n(buffer.data(), kBytes, std::byte{'2'});
    TRY(write_fully(disk, opened.file, kBytes, buffer.span(), /*durable=*/false));
    TRY(sync_file(disk, opened.file));
    ++acknowledged_;
    TRY(rename_file(disk, "/d/log", "/d/done"));
    return {};
  }
  // What was acknowledged is there.
  void expect_kept(const SimMedium& medium) const {
    const std::string name = medium.exists("/d/done") ? "/d/done" : "/d/log";
    if (acknowledged_ == 0) return;
    ASSERT_TRUE(medium.exists(name));
    const std::string text = medium.read(name);
    EXPECT_EQ(text.substr(0, kBytes), std::string(kBytes, '1'));
    if (acknowledged_ == 1) return;
    EXPECT_EQ(text.substr(kBytes), std::string(kBytes, '2'));
  }

  static constexpr size_t kBytes = kIoAlignment;
  SimWorld world_;
  SimProcess& node_;
  int acknowledged_ = 0;
};

TEST(SimDiskPoints, EveryBoundaryIsReachedBeforeAndAfter) {
  Script script(1);
  std::vector<std::pair<uint64_t, SimIoPoint::Stage>> points;
  script.node_.disk().on_io([&](const SimIoPoint& point) { points.emplace_back(point.number, point.stage); });
  ASSERT_TRUE(script.run().ok());
  ASSERT_EQ(points.size(), 12U);
  for (size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(points[i].first, i + 1);
    EXPECT_EQ(points[i].second, i % 2 == 0 ? SimIoPoint::Stage::kBefore : SimIoPoint::Stage::kAfter);
  }
}

TEST(SimDiskPoints, ACrashAtEveryPointLosesNothingAcknowledged) {
  for (uint64_t point = 1; point <= 12; ++point) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      SCOPED_TRACE(testing::Message() << "point " << point << " seed " << seed);
      Script script(seed);
      script.node_.disk().crash_after(point);
      const Status status = script.run();
      ASSERT_FALSE(script.node_.running());
      ASSERT_FALSE(status.ok()) << "even after the last effect nobody was told";
      EXPECT_EQ(status.error().code(), ErrorCode::kIo);
      script.expect_kept(script.node_.medium());
    }
  }
}

// One run explores the same crashes: resolve a copy at each point, as often as wanted.
TEST(SimDiskPoints, OneRunExploresManyCrashes) {
  Script script(1);
  std::set<std::string> states;
  Random random(9);
  script.node_.disk().on_io([&](const SimIoPoint&) {
    for (int i = 0; i < 20; ++i) {
      const SimMedium after = script.node_.medium().crash(random);
      script.expect_kept(after);
      std::string state;
      for (const std::string& path : after.files()) state += path + after.read(path);
      states.insert(state);
    }
  });
  ASSERT_TRUE(script.run().ok());
  EXPECT_GT(states.size(), 10U);
  EXPECT_EQ(script.node_.medium().size("/d/done"), 2 * Script::kBytes);
}

TEST_F(SimDiskTest, AfterAPowerCutNothingIsAnsweredAndNothingChanges) {
  const FileHandle file = open_durably("/d/a");
  AlignedBuffer buffer(kBlock);
  std::fill_n(buffer.data(), kBlock, std::byte{'n'});
  DiskOp op;
  op.kind = DiskOp::Kind::kWrite;
  op.file = file;
  op.write_from = buffer.span();
  bool called = false;
  op.on_done = [&] { called = true; };
  SimDisk& old_disk = disk();
  old_disk.submit(op);
  node_.power_cut();
  const std::string left = medium().read("/d/a");
  const Status late = try_write(file, 0, kBlock, 'x');
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code(), ErrorCode::kIo);
  node_.start();
  EXPECT_NE(&old_disk, &disk());
  world_.run_for(std::chrono::seconds(1));
  EXPECT_FALSE(called);
  EXPECT_EQ(medium().read("/d/a"), left);
}

TEST_F(SimDiskTest, AKillKeepsThePageCacheAndFreesLocks) {
  const FileHandle file = open("/d/a");
  write(file, 0, kBlock, 'x');
  DiskOp lock;
  lock.kind = DiskOp::Kind::kLock;
  lock.file = file;
  ASSERT_TRUE(disk().wait(lock).ok());
  node_.kill();
  node_.start();
  const FileHandle again = open("/d/a");
  EXPECT_EQ(read(again, 0, kBlock), std::string(kBlock, 'x'));
  lock.file = again;
  EXPECT_TRUE(disk().wait(lock).ok());
}

TEST_F(SimDiskTest, ALockKeepsASecondProcessOfTheMachineOut) {
  auto shared = std::make_shared<SimMedium>();
  SimProcess& first = world_.add_process("m", shared);
  SimProcess& second = world_.add_process("m", shared);
  const auto lock = [](SimProcess& process) -> Status {
    TRY_ASSIGN(const OpenedFile opened, open_file(process.disk(), "/LOCK", {.create = true}));
    DiskOp op;
    op.kind = DiskOp::Kind::kLock;
    op.file = opened.file;
    TRY(process.disk().wait(op));
    return {};
  };
  ASSERT_TRUE(lock(first).ok());
  EXPECT_EQ(lock(second).error().code(), ErrorCode::kFailedPrecondition);
  first.kill();
  EXPECT_TRUE(lock(second).ok());
}

TEST_F(SimDiskTest, CapacityIsALimit) {
  medium().capacity_bytes = 8 * kBlock;
  const FileHandle file = open("/d/a");
  write(file, 0, 8 * kBlock, 'x');
  const Status full = try_write(file, 8 * kBlock, kBlock, 'x');
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_TRUE(try_write(file, 0, kBlock, 'y').ok()) << "overwriting needs no room";
  DiskOp punch;
  punch.kind = DiskOp::Kind::kPunch;
  punch.file = file;
  punch.length = 2 * kBlock;
  ASSERT_TRUE(disk().wait(punch).ok());
  EXPECT_TRUE(try_write(file, 8 * kBlock, 2 * kBlock, 'x').ok());
  EXPECT_FALSE(open_file(disk(), "/d/b", {.create = true}).ok());
}

using SimDiskDeath = SimDiskTest;

TEST_F(SimDiskDeath, MisuseIsCaught) {
  ::testing::GTEST_FLAG(death_test_style) = "fast";
  const FileHandle file = open("/d/a");
  AlignedBuffer buffer(2 * kBlock);
  std::fill_n(buffer.data(), buffer.size(), std::byte{});
  DiskOp op;
  op.kind = DiskOp::Kind::kWrite;
  op.file = file;
  op.write_from = buffer.span().first(100);
  EXPECT_DEATH(disk().submit(op), "alignment");
  op.write_from = buffer.span().first(kBlock);
  op.offset = 512;
  EXPECT_DEATH(disk().submit(op), "alignment");
  op.offset = 0;
  op.write_from = buffer.span().subspan(8, kBlock);
  EXPECT_DEATH(disk().submit(op), "alignment");
  op.write_from = buffer.span();
  op.file = FileHandle(77);
  EXPECT_DEATH(disk().submit(op), "isn't open");
  op.file = file;
  disk().submit(op);
  EXPECT_DEATH(disk().submit(op), "in flight");
  EXPECT_DEATH((void)close_file(disk(), file).ok(), "operations in flight");
  EXPECT_DEATH(
      {
        buffer.data()[5] = std::byte{1};
        world_.run_for(std::chrono::seconds(1));
      },
      "changed while its write");
  world_.run_for(std::chrono::seconds(1));
}

}  // namespace
}  // namespace revd

// Each fault of SimDisk alone: it happens, it is counted, and it does what faults.h says.
#include "tests/sim/faults.h"

#include <gtest/gtest.h>

#include "tests/sim/disk_fixture.h"

namespace revd {
namespace {

class SimFaults : public SimDiskTest {
 protected:
  SimDiskFaults& faults() { return disk().faults; }
  const SimDiskFaultCounts& counts() { return disk().fault_counts(); }
  static std::string bytes(size_t size, char fill) { return std::string(size, fill); }
  // A file of eight blocks "00..77", durable.
  FileHandle make_file() {
    const FileHandle file = open_durably("/d/a");
    for (size_t i = 0; i < 8; ++i) write(file, i * kBlock, kBlock, static_cast<char>('0' + i));
    sync(file);
    return file;
  }
};

TEST_F(SimFaults, SlowOperationsTakeSeconds) {
  const FileHandle file = make_file();
  faults().slow = 1;
  const Duration before = world_.now();
  for (int i = 0; i < 10; ++i) read(file, 0, kBlock);
  EXPECT_EQ(counts().slow, 10U);
  EXPECT_GT(world_.now() - before, std::chrono::seconds(30));
  EXPECT_LT(world_.now() - before, std::chrono::seconds(301));
}

TEST_F(SimFaults, AReadErrorIsTransient) {
  const FileHandle file = make_file();
  faults().read_error = 1;
  const Result<std::string> failed = try_read(file, 0, kBlock);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), ErrorCode::kIo);
  EXPECT_NE(failed.error().text().find("/d/a"), std::string::npos);
  faults().read_error = 0;
  EXPECT_EQ(read(file, 0, kBlock), bytes(kBlock, '0'));
  EXPECT_EQ(counts().read_errors, 1U);
}

TEST_F(SimFaults, ABadSectorStaysUntilItIsWritten) {
  FileHandle file = make_file();
  faults().bad_sector = 1;
  EXPECT_FALSE(try_read(file, kBlock, kBlock).ok());
  faults().bad_sector = 0;
  EXPECT_FALSE(try_read(file, 0, 8 * kBlock).ok());
  restart();
  file = open("/d/a");
  EXPECT_FALSE(try_read(file, kBlock, kBlock).ok()) << "it outlives a restart";
  EXPECT_EQ(read(file, 0, kBlock), bytes(kBlock, '0')) << "the others are fine";
  write(file, kBlock, kBlock, 'n');
  EXPECT_EQ(read(file, kBlock, kBlock), bytes(kBlock, 'n'));
}

TEST_F(SimFaults, AFailedWriteLeavesSomeSectors) {
  const FileHandle file = make_file();
  faults().write_error = 1;
  const Status failed = try_write(file, 0, 4 * kBlock, 'n');
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), ErrorCode::kIo);
  const std::string left = read(file, 0, 4 * kBlock);
  EXPECT_NE(left.find('n'), std::string::npos);
  EXPECT_NE(left.find_first_not_of('n'), std::string::npos);
  EXPECT_EQ(counts().write_errors, 1U);
}

TEST_F(SimFaults, AFailedSyncDropsDataThatTheCacheStillShows) {
  const FileHandle file = make_file();
  write(file, 0, 8 * kBlock, 'n');
  faults().sync_error = 1;
  const Status failed = sync_file(disk(), file);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), ErrorCode::kIo);
  faults().sync_error = 0;
  EXPECT_EQ(read(file, 0, 8 * kBlock), bytes(8 * kBlock, 'n')) << "the cache shows it";
  sync(file);  // a second try says it is fine, and is wrong
  const std::string durable = medium().read_durable("/d/a");
  EXPECT_NE(durable, bytes(8 * kBlock, 'n'));
  EXPECT_NE(durable.find('n'), std::string::npos) << "some of it made it";
  const FileHandle again = open("/d/a");
  EXPECT_EQ(read(again, 0, 8 * kBlock), durable) << "a direct read after reopening sees the medium";
  EXPECT_EQ(counts().sync_errors, 1U);
}

TEST_F(SimFaults, DropCacheShowsTheMediumAfterAFailedSync) {
  make_file();
  const FileHandle buffered = open("/d/a", /*direct=*/false);
  write(buffered, 0, 8 * kBlock, 'n');
  faults().sync_error = 1;
  ASSERT_FALSE(sync_file(disk(), buffered).ok());
  EXPECT_EQ(read(buffered, 0, 8 * kBlock), bytes(8 * kBlock, 'n'));
  DiskOp drop;
  drop.kind = DiskOp::Kind::kDropCache;
  drop.file = buffered;
  ASSERT_TRUE(disk().wait(drop).ok());
  EXPECT_EQ(read(buffered, 0, 8 * kBlock), medium().read_durable("/d/a"));
}

TEST_F(SimFaults, AFailedDurableWriteIsPartlyThere) {
  const FileHandle file = make_file();
  faults().durable_write_error = 1;
  EXPECT_EQ(try_write(file, 0, 4 * kBlock, 'n', /*durable=*/true).error().code(), ErrorCode::kIo);
  EXPECT_EQ(read(file, 0, 4 * kBlock), bytes(4 * kBlock, 'n'));
  const std::string durable = medium().read_durable("/d/a").substr(0, 4 * kBlock);
  EXPECT_NE(durable, bytes(4 * kBlock, 'n'));
  EXPECT_NE(durable.find('n'), std::string::npos);
  EXPECT_EQ(counts().durable_write_errors, 1U);
}

TEST_F(SimFaults, NameErrorsChangeNothing) {
  make_file();
  faults().name_error = 1;
  EXPECT_EQ(remove_file(disk(), "/d/a").error().code(), ErrorCode::kIo);
  EXPECT_EQ(open_file(disk(), "/d/b", {.create = true}).error().code(), ErrorCode::kIo);
  EXPECT_EQ(rename_file(disk(), "/d/a", "/d/b").error().code(), ErrorCode::kIo);
  EXPECT_EQ(sync_directory(disk(), "/d").error().code(), ErrorCode::kIo);
  EXPECT_EQ(medium().files(), std::vector<std::string>{"/d/a"});
  EXPECT_EQ(counts().name_errors, 4U);
}

TEST_F(SimFaults, NoSpaceChangesNothing) {
  const FileHandle file = make_file();
  faults().no_space = 1;
  EXPECT_EQ(try_write(file, 0, kBlock, 'n').error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(read(file, 0, kBlock), bytes(kBlock, '0'));
  EXPECT_EQ(counts().no_space, 1U);
}

TEST_F(SimFaults, RotFlipsOneBitAtRest) {
  make_file();
  const std::string before = medium().read_durable("/d/a");
  ASSERT_TRUE(disk().rot_somewhere());
  const std::string after = medium().read_durable("/d/a");
  int bits = 0;
  for (size_t i = 0; i < before.size(); ++i)
    bits += __builtin_popcount(static_cast<unsigned char>(before[i] ^ after[i]));
  EXPECT_EQ(bits, 1);
  faults().rot = 1;
  write(open("/d/b"), 0, kBlock, 'x');
  EXPECT_GE(counts().rotten, 2U);
}

TEST_F(SimFaults, AMisdirectedWriteLandsElsewhere) {
  const FileHandle file = make_file();
  faults().misdirected_write = 1;
  write(file, 0, kBlock, 'n', /*durable=*/true);
  EXPECT_EQ(read(file, 0, kBlock).substr(0, kSectorBytes), bytes(kSectorBytes, '0'));
  EXPECT_NE(medium().read_durable("/d/a").find('n'), std::string::npos);
  EXPECT_EQ(counts().misdirected_writes, 1U);
}

TEST_F(SimFaults, ALostWriteNeverReachesTheMedium) {
  const FileHandle file = make_file();
  const FileHandle buffered = open("/d/a", /*direct=*/false);
  faults().lost_write = 1;
  write(file, 0, kBlock, 'n');
  EXPECT_EQ(read(file, 0, kBlock), bytes(kBlock, '0')) << "direct: the medium never had it";
  write(buffered, kBlock, kBlock, 'n');
  EXPECT_EQ(read(buffered, kBlock, kBlock), bytes(kBlock, 'n')) << "buffered: the cache has it";
  sync(file);
  EXPECT_EQ(medium().read_durable("/d/a").find('n'), std::string::npos);
  EXPECT_EQ(counts().lost_writes, 2U);
}

TEST_F(SimFaults, AStaleReadShowsThePreviousBytes) {
  const FileHandle file = make_file();
  faults().stale_read = 1;
  write(file, 0, kBlock, 'n', /*durable=*/true);
  EXPECT_EQ(read(file, 0, kBlock), bytes(kBlock, '0'));
  faults().stale_read = 0;
  EXPECT_EQ(read(file, 0, kBlock), bytes(kBlock, 'n'));
  EXPECT_EQ(counts().stale_reads, 1U);
}

TEST_F(SimFaults, TheDamageMapIsObeyed) {
  const FileHandle file = make_file();
  faults().may_damage = [](const std::string&, uint64_t offset, uint64_t length) {
    return offset >= 4 * kBlock && offset + length <= 8 * kBlock;
  };
  faults().rot = faults().lost_write = faults().misdirected_write = 0.5;
  for (int i = 0; i < 100; ++i) write(file, 0, kBlock, 'n', i % 2 == 0);
  for (int i = 0; i < 100; ++i) write(file, 4 * kBlock, kBlock, 'm', i % 2 == 0);
  sync(file);
  EXPECT_EQ(medium().read_durable("/d/a").substr(0, kBlock), bytes(kBlock, 'n'));
  EXPECT_EQ(medium().read_durable("/d/a").substr(kBlock, kBlock), bytes(kBlock, '1'));
  EXPECT_GT(counts().rotten, 0U);
  EXPECT_GT(counts().lost_writes, 0U);
  EXPECT_GT(counts().misdirected_writes, 0U);
}

}  // namespace
}  // namespace revd

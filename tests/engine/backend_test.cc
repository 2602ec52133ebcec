#include "engine/backend.h"

#include "tests/engine/engine_fixture.h"

namespace revd {
namespace {

class BackendTest : public EngineTest {};

TEST_F(BackendTest, ASecondProcessIsRefused) {
  ASSERT_TRUE(open().ok());
  SimProcess& other = world_.add_process("n1-other", medium_);
  const auto second = KvEngine::open(other.env(), config_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_NE(second.error().text().find("data directory /node/data is in use"), std::string::npos);
}

TEST_F(BackendTest, ALogWithoutItsPageFileIsRefused) {
  ASSERT_TRUE(open().ok());
  write("t", "k", "v");
  kill_and_restart();
  medium_->remove("/node/data/data.revd");
  const Status status = open();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kDataLoss);
  EXPECT_NE(status.error().text().find("data.revd is missing"), std::string::npos);
}

TEST_F(BackendTest, APageFileAheadOfItsLogIsRefused) {
  ASSERT_TRUE(open().ok());
  write("t", "k", "v");
  ASSERT_TRUE(engine_->close().ok());
  engine_.reset();
  // The log that once belonged to it, from before the write.
  for (const std::string& file : medium_->files())
    if (file.starts_with("/node/data/wal/") && file.ends_with(".wal"))
      for (uint64_t block = 4096; block < medium_->size(file); block += 4096)
        medium_->overwrite(file, block, AlignedBuffer(4096).span());
  const Status status = open();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kDataLoss);
}

TEST_F(BackendTest, APageFileWithoutItsLogIsRefused) {
  ASSERT_TRUE(open().ok());
  ASSERT_TRUE(engine_->close().ok());
  engine_.reset();
  for (const std::string& file : medium_->files())
    if (file.starts_with("/node/data/wal/")) medium_->remove(file);
  const Status status = open();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kDataLoss);
  EXPECT_NE(status.error().text().find("there was a log here"), std::string::npos) << status.error().text();
}

TEST_F(BackendTest, TheNewestSuperblockDamagedInBothCopiesCostsNothing) {
  ASSERT_TRUE(open().ok());
  for (int i = 0; i < 5; ++i) {
    write("t", "k" + std::to_string(i), "v");
    ASSERT_TRUE(checkpoint().ok());
  }
  kill_and_restart();
  const std::string path = "/node/data/data.revd";
  const std::string bytes = medium_->read(path);
  unsigned newest = 0;
  uint64_t newest_sequence = 0;
  for (unsigned generation = 0; generation < 2; ++generation) {
    const auto at = btree::superblock_offset(generation, 0);
    const auto superblock = btree::Superblock::decode(as_bytes(bytes).subspan(at, btree::kSuperblockBytes));
    ASSERT_TRUE(superblock.ok());
    if (superblock->sequence.value() > newest_sequence) {
      newest_sequence = superblock->sequence.value();
      newest = generation;
    }
  }
  for (size_t copy = 0; copy < 2; ++copy)
    medium_->flip(path, btree::superblock_offset(newest, copy) + 100, std::byte{1});
  ASSERT_TRUE(open().ok());
  EXPECT_TRUE(engine_->backend().recovery().superblock_fallback);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get("t", "k" + std::to_string(i)), "v");
  EXPECT_TRUE(checkpoint().ok());
  const auto report = engine_->backend().verify();
  EXPECT_TRUE(report.ok()) << report.error().describe();
}

TEST_F(BackendTest, TheLogIsCutBehindCheckpoints) {
  ASSERT_TRUE(open().ok());
  const std::string value(20'000, 'x');
  for (int round = 0; round < 60; ++round) {
    write("t", "k", value);
    if (round % 10 != 9) continue;
    ASSERT_TRUE(checkpoint().ok());
  }
  EXPECT_GT(engine_->backend().log().first_index(), LogIndex(1));
  size_t segments = 0;
  for (const std::string& file : medium_->files()) segments += file.ends_with(".wal") ? 1 : 0;
  EXPECT_LE(segments, 4U);
}

TEST_F(BackendTest, WrongSettingsNameTheSettingAndWhatIsAllowed) {
  config_.cache_size_mb = 1;
  const Status status = open();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().text(), "cache_size_mb is 1; allowed: 8 to 1048576");
}

}  // namespace
}  // namespace revd

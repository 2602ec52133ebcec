#include "btree/superblock.h"

#include "base/strings.h"
#include "tests/btree/page_file_fixture.h"

namespace revd::btree {
namespace {

Superblock example() {
  Superblock s;
  for (size_t i = 0; i < 16; ++i) s.file.bytes[i] = static_cast<std::byte>(i + 1);
  s.sequence = CheckpointId(7);
  s.predecessor = CheckpointId(6);
  s.predecessor_hash = {.low = 0x1122334455667788, .high = 0x99aabbccddeeff00};
  s.applied = {.index = LogIndex(1000), .term = Term(3), .log_time = LogTime(123456789)};
  s.info.commit = LogIndex(1001);
  s.info.acknowledged_sequence = 77;
  s.info.wal_start_segment = 5;
  for (size_t i = 0; i < 16; ++i) s.info.log_base.log.bytes[i] = static_cast<std::byte>(0xf0 + i);
  s.info.log_base.index = LogIndex(10);
  s.info.log_base.term = Term(2);
  s.info.opaque[0] = std::byte{0xab};
  s.info.opaque[127] = std::byte{0xcd};
  s.file_blocks = 1024;
  s.live_bytes = 51200;
  s.space_map = PagePointer::on_disk({.sector = 4160,
                                      .codec = Codec::kZstd,
                                      .type = PageType::kSpaceMap,
                                      .stored_bytes = 300,
                                      .raw_bytes = 1096,
                                      .birth = CheckpointId(7),
                                      .checksum = 0x0123456789abcdef});
  s.space_map_bytes = 1056;
  s.trees.push_back({.name = "keys",
                     .id = TreeId(1),
                     .leaf_page_bytes = 8192,
                     .height = 2,
                     .key_count = 99,
                     .root = PagePointer::on_disk({.sector = 4128,
                                                   .codec = Codec::kRaw,
                                                   .type = PageType::kInner,
                                                   .stored_bytes = 16384,
                                                   .raw_bytes = 16384,
                                                   .birth = CheckpointId(6),
                                                   .checksum = 42})});
  s.trees.push_back(
      {.name = "empty", .id = TreeId(2), .leaf_page_bytes = 16384, .height = 0, .key_count = 0, .root = {}});
  return s;
}

std::string hex(ByteSpan bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const std::byte b : bytes) {
    out += kDigits[std::to_integer<unsigned>(b) >> 4];
    out += kDigits[std::to_integer<unsigned>(b) & 15];
  }
  return out;
}

TEST(Superblock, RoundTrip) {
  AlignedBuffer bytes(kSuperblockBytes);
  const Superblock before = example();
  const Hash128 hash = before.encode(bytes.span());
  EXPECT_EQ(hash, Superblock::stored_hash(bytes.span()));
  const auto after = Superblock::decode(bytes.span());
  ASSERT_OK(after);
  EXPECT_EQ(after->file, before.file);
  EXPECT_EQ(after->sequence, before.sequence);
  EXPECT_EQ(after->predecessor, before.predecessor);
  EXPECT_EQ(after->predecessor_hash, before.predecessor_hash);
  EXPECT_EQ(after->applied, before.applied);
  EXPECT_EQ(after->info.commit, before.info.commit);
  EXPECT_EQ(after->info.acknowledged_sequence, before.info.acknowledged_sequence);
  EXPECT_EQ(after->info.wal_start_segment, before.info.wal_start_segment);
  EXPECT_EQ(after->info.log_base, before.info.log_base);
  EXPECT_EQ(after->info.opaque, before.info.opaque);
  EXPECT_EQ(after->file_blocks, before.file_blocks);
  EXPECT_EQ(after->live_bytes, before.live_bytes);
  EXPECT_EQ(after->space_map, before.space_map);
  EXPECT_EQ(after->space_map_bytes, before.space_map_bytes);
  EXPECT_EQ(after->trees, before.trees);
}

TEST(Superblock, GoldenBytes) {
  AlignedBuffer bytes(kSuperblockBytes);
  example().encode(bytes.span());
  const ByteSpan all = bytes.span();
  EXPECT_EQ(hex(all.first(200)),
            "524556445041474501000000020000000102030405060708090a0b0c0d0e0f10"
            "07000000000000000600000000000000887766554433221100ffeeddccbbaa99"
            "e803000000000000030000000000000015cd5b0700000000"
            "e9030000000000004d000000000000000500000000000000"
            "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff0a000000000000000200000000000000"
            "000400000000000000c80000000000002004000000000000"
            "40100000000001052c010000480400000700000000000000efcdab8967452301");
  EXPECT_EQ(hex(all.subspan(200, 4)), "ab000000");
  EXPECT_EQ(hex(all.subspan(324, 4)), "000000cd");
  EXPECT_EQ(hex(all.subspan(328, 96)),
            "046b657973000000000000000000000000000000000000000000000000000000"
            "010000000020000063000000000000000200000000000000"
            "2010000000000002004000000040000006000000000000002a00000000000000"
            "0000000000000000");
  EXPECT_EQ(hex(all.subspan(4080)), "2bb2ddd59259630af6353cd5c02a558a");
}

TEST(Superblock, EveryFlippedByteIsDetected) {
  AlignedBuffer bytes(kSuperblockBytes);
  example().encode(bytes.span());
  for (size_t i = 0; i < kSuperblockBytes; ++i) {
    bytes.data()[i] ^= std::byte{0x10};
    EXPECT_FALSE(Superblock::decode(bytes.span()).ok()) << i;
    bytes.data()[i] ^= std::byte{0x10};
  }
}

// Three checkpoints: the file holds superblocks 4 and 3, in two copies each.
class SuperblockCopies : public ::testing::Test {
 protected:
  SuperblockCopies() : f_(11) {
    f_.create();
    id_ = f_.tree("t");
    for (int i = 2; i <= 4; ++i) {
      f_.put(id_, "key", "checkpoint " + std::to_string(i));
      CHECK(f_.checkpoint().ok());
      models_[static_cast<uint64_t>(i)] = f_.model;
    }
    f_.close();
  }
  void damage(uint64_t sequence, size_t copy) {
    f_.process->medium().flip(PageFileFixture::kPath, superblock_offset(sequence % 2, copy) + 500,
                              std::byte{1});
  }
  void expect_open_at(uint64_t sequence) {
    ASSERT_OK(f_.open());
    EXPECT_EQ(f_.file->superblock().sequence, CheckpointId(sequence));
    EXPECT_TRUE(f_.same_as(models_[sequence]));
    EXPECT_TRUE(f_.verified());
  }
  void expect_usable() {
    f_.model = models_[f_.file->superblock().sequence.value()];
    f_.put(id_, "another", "one");
    ASSERT_OK(f_.checkpoint());
    const CheckpointId newest = f_.file->superblock().sequence;
    ASSERT_OK(f_.reopen());
    EXPECT_EQ(f_.file->superblock().sequence, newest);
    EXPECT_TRUE(f_.same_as(f_.model));
    EXPECT_TRUE(f_.verified());
  }

  PageFileFixture f_;
  TreeId id_;
  std::map<uint64_t, Trees> models_;
};

TEST_F(SuperblockCopies, OneDamagedCopyCostsNothing) {
  damage(4, 0);
  damage(3, 1);
  expect_open_at(4);
  expect_usable();
}

TEST_F(SuperblockCopies, BothCopiesDamagedFallBackToThePredecessor) {
  damage(4, 0);
  damage(4, 1);
  expect_open_at(3);
  expect_usable();
}

TEST_F(SuperblockCopies, AllDamagedIsDataLoss) {
  for (const uint64_t sequence : {3u, 4u})
    for (const size_t copy : {0u, 1u}) damage(sequence, copy);
  const Status status = f_.open();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kDataLoss);
}

TEST_F(SuperblockCopies, UnreadableSectorsCountAsDamage) {
  f_.process->disk().faults.bad_sector = 0;
  for (const size_t copy : {0u, 1u}) {
    const uint64_t sector = superblock_offset(0, copy) / 512;
    const auto opened = open_file(f_.process->disk(), PageFileFixture::kPath, {});
    ASSERT_OK(opened);
    SimMedium& medium = f_.process->medium();
    medium.file(medium.handle(opened->file)->file).bad_sectors().insert(sector + 3);
    ASSERT_OK(close_file(f_.process->disk(), opened->file));
  }
  expect_open_at(3);
}

// The log knows better: then the rejected generation must never come back, and its number isn't used again.
TEST_F(SuperblockCopies, ARejectedGenerationIsMadeInvalidFirst) {
  const auto reject_newest = [](const Superblock& s) { return s.sequence < CheckpointId(4); };
  ASSERT_OK(f_.open(reject_newest));
  EXPECT_EQ(f_.file->superblock().sequence, CheckpointId(3));
  f_.model = models_[3];
  f_.put(id_, "another", "one");
  f_.start_checkpoint();
  // Its superblock copies are gone before anything else was written.
  const std::string bytes = f_.process->medium().read(PageFileFixture::kPath);
  for (const size_t copy : {0u, 1u}) {
    const ByteSpan place = as_bytes(bytes).subspan(superblock_offset(0, copy), kSuperblockBytes);
    EXPECT_FALSE(Superblock::decode(place).ok());
  }
  f_.finish_checkpoint();
  ASSERT_OK(f_.checkpoint_status);
  EXPECT_EQ(f_.file->superblock().sequence, CheckpointId(6));
  EXPECT_EQ(f_.file->superblock().predecessor, CheckpointId(3));
  ASSERT_OK(f_.reopen());
  EXPECT_EQ(f_.file->superblock().sequence, CheckpointId(6));
  EXPECT_TRUE(f_.same_as(f_.model));
  EXPECT_TRUE(f_.verified());
}

// A copy that a bad sector took is written anew with the next checkpoint's first write.
TEST_F(SuperblockCopies, ADamagedCopyIsRepaired) {
  damage(4, 1);
  ASSERT_OK(f_.open());
  f_.model = models_[4];
  f_.put(id_, "k", "v");
  f_.start_checkpoint();
  const std::string bytes = f_.process->medium().read(PageFileFixture::kPath);
  const auto copy = Superblock::decode(as_bytes(bytes).subspan(superblock_offset(0, 1), kSuperblockBytes));
  ASSERT_OK(copy);
  EXPECT_EQ(copy->sequence, CheckpointId(4));
  f_.finish_checkpoint();
}

}  // namespace
}  // namespace revd::btree

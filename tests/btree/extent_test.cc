#include "btree/extent.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace revd::btree {
namespace {

Uuid test_uuid() {
  Uuid uuid;
  for (size_t i = 0; i < uuid.bytes.size(); ++i) uuid.bytes[i] = static_cast<std::byte>(i + 1);
  return uuid;
}

std::vector<std::byte> compressible_page(size_t bytes) {
  std::vector<std::byte> page(bytes);
  for (size_t i = kExtentHeaderBytes; i < bytes; ++i) page[i] = static_cast<std::byte>(i % 23 + i / 512);
  return page;
}

std::vector<std::byte> random_page(size_t bytes, uint64_t seed = 3) {
  std::vector<std::byte> page(bytes);
  Random(seed).fill(MutableByteSpan(page).subspan(kExtentHeaderBytes));
  return page;
}

class Extents : public ::testing::Test {
 protected:
  struct Encoded {
    PagePointer pointer;
    std::vector<std::byte> stored;
  };

  Encoded encode(const std::vector<std::byte>& page, bool try_zstd) {
    Encoded out{.pointer = {}, .stored = std::vector<std::byte>(page.size())};
    out.pointer = codec.encode(
        owner, {.page = page, .type = PageType::kLeaf, .birth = CheckpointId(7), .try_zstd = try_zstd},
        out.stored);
    out.pointer = out.pointer.moved_to(4096);
    out.stored.resize(out.pointer.stored_bytes());
    return out;
  }
  Status decode(const Encoded& from, const ExtentOwner& by) {
    page_back.assign(from.pointer.raw_bytes(), std::byte{0xEE});
    return codec.decode(by, from.pointer, from.stored, page_back);
  }

  ExtentCodec codec;
  ExtentOwner owner = extent_owner(test_uuid(), TreeId(3));
  std::vector<std::byte> page_back;
};

TEST_F(Extents, PagesComeBackAsTheyWere) {
  for (const bool try_zstd : {false, true}) {
    for (const size_t bytes :
         {size_t{41}, size_t{512}, size_t{513}, size_t{5000}, size_t{8192}, size_t{16384}}) {
      for (const auto& page : {compressible_page(bytes), random_page(bytes)}) {
        const Encoded encoded = encode(page, try_zstd);
        EXPECT_TRUE(encoded.pointer.is_well_formed()) << encoded.pointer.describe();
        ASSERT_TRUE(decode(encoded, owner).ok());
        EXPECT_EQ(page_back, page);
      }
    }
  }
}

TEST_F(Extents, ContextsAreReusableAfterAnEarlyEnd) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(encode(random_page(8192), true).pointer.codec(), Codec::kRaw);
    const Encoded encoded = encode(compressible_page(8192), true);
    EXPECT_EQ(encoded.pointer.codec(), Codec::kZstd);
    ASSERT_TRUE(decode(encoded, owner).ok());
    EXPECT_EQ(page_back, compressible_page(8192));
  }
}

TEST_F(Extents, StoredRawUnlessAnEighthOfTheSectorsIsSaved) {
  // Random bytes followed by zeros: the length of the random part decides.
  for (size_t random_bytes = 5500; random_bytes < 8192; random_bytes += 64) {
    std::vector<std::byte> page = random_page(8192);
    std::fill(page.begin() + static_cast<ptrdiff_t>(random_bytes), page.end(), std::byte{0});
    const PagePointer pointer = encode(page, true).pointer;
    if (pointer.codec() == Codec::kZstd) {
      EXPECT_LE(pointer.sector_count(), 14u);
      EXPECT_LT(random_bytes, 7200u);
    } else {
      EXPECT_EQ(pointer.sector_count(), 16u);
      EXPECT_GT(random_bytes, 7000u);
    }
  }
}

TEST_F(Extents, RawPagesTakeTheirOwnSize) {
  EXPECT_EQ(encode(random_page(8192), true).pointer.stored_bytes(), 8192u);
  EXPECT_EQ(encode(compressible_page(16384), false).pointer.stored_bytes(), 16384u);
}

TEST_F(Extents, EachFlippedBitIsDetected) {
  for (const bool try_zstd : {false, true}) {
    const Encoded encoded = encode(compressible_page(2048), try_zstd);
    ASSERT_EQ(encoded.pointer.codec(), try_zstd ? Codec::kZstd : Codec::kRaw);
    for (size_t at = 0; at < encoded.stored.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        Encoded damaged = encoded;
        damaged.stored[at] ^= static_cast<std::byte>(1 << bit);
        const Status status = decode(damaged, owner);
        ASSERT_FALSE(status.ok()) << "byte " << at;
        ASSERT_EQ(status.error().code(), ErrorCode::kDataLoss);
      }
    }
  }
}

TEST_F(Extents, EachFlippedByteOfThePointerIsDetected) {
  const Encoded encoded = encode(compressible_page(2048), true);
  std::byte bytes[PagePointer::kBytes];
  encoded.pointer.store(bytes);
  for (size_t at = 6; at < sizeof bytes; ++at) {  // the sector says where, not what
    for (int bit = 0; bit < 8; ++bit) {
      bytes[at] ^= static_cast<std::byte>(1 << bit);
      const auto pointer = PagePointer::decode(bytes);
      if (pointer.ok()) {
        EXPECT_FALSE(decode({.pointer = *pointer, .stored = encoded.stored}, owner).ok()) << "byte " << at;
      }
      bytes[at] ^= static_cast<std::byte>(1 << bit);
    }
  }
}

TEST_F(Extents, AnotherTreesFilesOrCheckpointsPageIsRefused) {
  const Encoded encoded = encode(compressible_page(8192), true);
  EXPECT_FALSE(decode(encoded, extent_owner(test_uuid(), TreeId(4))).ok());
  Uuid other = test_uuid();
  other.bytes[15] = std::byte{0};
  EXPECT_FALSE(decode(encoded, extent_owner(other, TreeId(3))).ok());

  // A lost write leaves an older page of the same tree where the pointer points.
  std::vector<std::byte> older(8192);
  static_cast<void>(codec.encode(
      owner,
      {.page = compressible_page(8192), .type = PageType::kLeaf, .birth = CheckpointId(6), .try_zstd = true},
      older));
  EXPECT_FALSE(decode({.pointer = encoded.pointer, .stored = older}, owner).ok());
  EXPECT_FALSE(decode({.pointer = encoded.pointer, .stored = {}}, owner).ok());
}

// A forger who knows the seed can write any bytes with a fitting checksum: errors, never more.
TEST_F(Extents, ForgedExtentsAreErrors) {
  const Encoded good = encode(compressible_page(8192), true);
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    Random random(seed);
    Encoded forged = good;
    const size_t begin = random.chance(1, 4) ? 0 : kExtentHeaderBytes;
    for (uint64_t n = random.between(1, 8); n > 0; --n)
      forged.stored[random.between(begin, forged.stored.size() - 1)] = static_cast<std::byte>(random.next());
    std::byte bytes[PagePointer::kBytes];
    good.pointer.store(bytes);
    store_le(bytes + 24, extent_checksum(owner, forged.stored));
    forged.pointer = PagePointer::load(bytes);
    const Status status = decode(forged, owner);  // may succeed: then it's another page
    if (!status.ok()) {
      EXPECT_EQ(status.error().code(), ErrorCode::kDataLoss);
    }
  }
}

TEST_F(Extents, GoldenBytesOfTheHeader) {
  const Encoded encoded = encode(random_page(512), false);
  const auto hex = [](ByteSpan bytes) {
    std::string out;
    for (const std::byte b : bytes) {
      static constexpr char kDigits[] = "0123456789abcdef";
      out.push_back(kDigits[std::to_integer<int>(b) >> 4]);
      out.push_back(kDigits[std::to_integer<int>(b) & 15]);
    }
    return out;
  };
  EXPECT_EQ(hex(ByteSpan(encoded.stored).first(kExtentHeaderBytes)),
            "52564554"
            "01"
            "00"
            "01"
            "00"
            "0102030405060708"
            "0700000000000000"
            "03000000"
            "00020000"
            "00020000"
            "624d2e9b");
  std::byte pointer[PagePointer::kBytes];
  encoded.pointer.store(pointer);
  EXPECT_EQ(hex(pointer),
            "001000000000"
            "00"
            "01"
            "00020000"
            "00020000"
            "0700000000000000"
            "a864cd2054985e30");
}

TEST_F(Extents, HeaderDescribesItself) {
  const Encoded encoded = encode(compressible_page(8192), true);
  const auto header = ExtentHeader::decode(encoded.stored);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->codec, Codec::kZstd);
  EXPECT_EQ(header->type, PageType::kLeaf);
  EXPECT_EQ(header->file_short_form, test_uuid().short_form());
  EXPECT_EQ(header->tree, TreeId(3));
  EXPECT_EQ(header->birth, CheckpointId(7));
  EXPECT_EQ(header->stored_bytes, encoded.pointer.stored_bytes());
  EXPECT_EQ(header->raw_bytes, 8192u);
  for (size_t at = 0; at < kExtentHeaderBytes; ++at) {
    auto damaged = encoded.stored;
    damaged[at] ^= std::byte{1};
    EXPECT_FALSE(ExtentHeader::decode(damaged).ok()) << "byte " << at;
  }
  EXPECT_FALSE(ExtentHeader::decode(ByteSpan(encoded.stored).first(kExtentHeaderBytes - 1)).ok());
}

TEST(PagePointer, DirtyNullAndDiskPointersAreToldApart) {
  const PagePointer null;
  EXPECT_TRUE(null.is_null());
  EXPECT_FALSE(null.is_dirty() || null.is_on_disk() || null.is_well_formed());
  const PagePointer dirty = PagePointer::dirty(PageType::kInner, DirtyId((1ull << 56) - 1));
  EXPECT_TRUE(dirty.is_dirty());
  EXPECT_FALSE(dirty.is_null() || dirty.is_on_disk() || dirty.is_well_formed());
  EXPECT_EQ(dirty.type(), PageType::kInner);
  EXPECT_EQ(dirty.dirty_id().value(), (1ull << 56) - 1);
  std::byte bytes[PagePointer::kBytes];
  dirty.store(bytes);
  EXPECT_EQ(PagePointer::load(bytes), dirty);
  EXPECT_FALSE(PagePointer::decode(bytes).ok());

  const PagePointer::DiskFields fields{.sector = (1ull << 48) - 1,
                                       .codec = Codec::kZstd,
                                       .type = PageType::kSpaceMapIndex,
                                       .stored_bytes = 513,
                                       .raw_bytes = 8192,
                                       .birth = CheckpointId(UINT64_MAX),
                                       .checksum = 0x0123456789abcdef};
  const PagePointer disk = PagePointer::on_disk(fields);
  EXPECT_TRUE(disk.is_on_disk() && disk.is_well_formed());
  disk.store(bytes);
  const PagePointer back = PagePointer::decode(bytes).value();
  EXPECT_EQ(back, disk);
  EXPECT_EQ(back.sector(), fields.sector);
  EXPECT_EQ(back.codec(), fields.codec);
  EXPECT_EQ(back.type(), fields.type);
  EXPECT_EQ(back.sector_count(), 2u);
  EXPECT_EQ(back.birth(), fields.birth);
  EXPECT_EQ(back.checksum(), fields.checksum);
  EXPECT_FALSE(PagePointer::decode(ByteSpan(bytes).first(31)).ok());
}

TEST(PagePointer, ImpossibleFieldsAreRefused) {
  const PagePointer::DiskFields good{.sector = 8,
                                     .codec = Codec::kRaw,
                                     .type = PageType::kLeaf,
                                     .stored_bytes = 8192,
                                     .raw_bytes = 8192,
                                     .birth = {},
                                     .checksum = 0};
  EXPECT_TRUE(PagePointer::on_disk(good).is_well_formed());
  const auto refused = [&good](auto change) {
    PagePointer::DiskFields fields = good;
    change(fields);
    return !PagePointer::on_disk(fields).is_well_formed();
  };
  EXPECT_TRUE(refused([](auto& f) { f.sector = 7; }));
  EXPECT_TRUE(refused([](auto& f) { f.codec = static_cast<Codec>(2); }));
  EXPECT_TRUE(refused([](auto& f) { f.type = static_cast<PageType>(7); }));
  EXPECT_TRUE(refused([](auto& f) { f.stored_bytes = 8191; }));
  EXPECT_TRUE(refused([](auto& f) { f.codec = Codec::kZstd; }));
  EXPECT_TRUE(refused([](auto& f) { f.raw_bytes = f.stored_bytes = 16385; }));
  EXPECT_TRUE(refused([](auto& f) { f.raw_bytes = f.stored_bytes = 40; }));
}

TEST(CompressionHistory, FailuresMakeAttemptsRareAndASuccessBringsThemBack) {
  CompressionHistory history;
  size_t tried = 0;
  for (int page = 0; page < 1000; ++page) {
    if (!history.should_try()) continue;
    ++tried;
    history.record(false);
  }
  EXPECT_GT(tried, 8u);
  EXPECT_LT(tried, 40u);
  while (!history.should_try()) continue;
  history.record(true);
  for (int page = 0; page < 5; ++page) {
    EXPECT_TRUE(history.should_try());
    history.record(true);
  }
}

}  // namespace
}  // namespace revd::btree

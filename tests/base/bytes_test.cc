#include "base/bytes.h"

#include <gtest/gtest.h>

#include <limits>

namespace revd {
namespace {

TEST(Bytes, FixedNumbersAreLittleEndian) {
  std::string out;
  ByteWriter writer(out);
  writer.u16(0x0102);
  writer.u32(0x03040506);
  writer.u64(0x0708090a0b0c0d0eU);
  EXPECT_EQ(out, std::string("\x02\x01\x06\x05\x04\x03\x0e\x0d\x0c\x0b\x0a\x09\x08\x07", 14));
  ByteReader reader(as_bytes(out));
  EXPECT_EQ(reader.u16(), 0x0102);
  EXPECT_EQ(reader.u32(), 0x03040506U);
  EXPECT_EQ(reader.u64(), 0x0708090a0b0c0d0eU);
  EXPECT_TRUE(reader.finished());
}

TEST(Bytes, BigEndianSortsLikeTheNumber) {
  std::byte small[8];
  std::byte large[8];
  store_be<uint64_t>(small, 255);
  store_be<uint64_t>(large, 256);
  EXPECT_LT(as_view(small), as_view(large));
  EXPECT_EQ(load_be<uint64_t>(large), 256U);
}

TEST(Bytes, VarintsRoundTripAtEveryLength) {
  for (unsigned bits = 0; bits <= 64; ++bits) {
    const uint64_t value = bits == 0 ? 0 : std::numeric_limits<uint64_t>::max() >> (64 - bits);
    std::string out;
    ByteWriter(out).varint(value);
    EXPECT_EQ(out.size(), bits == 0 ? 1 : (bits + 6) / 7);
    ByteReader reader(as_bytes(out));
    EXPECT_EQ(reader.varint(), value);
    EXPECT_TRUE(reader.finished());
  }
}

TEST(Bytes, SignedVarintsRoundTrip) {
  for (const int64_t value : {int64_t{0}, int64_t{-1}, int64_t{1}, std::numeric_limits<int64_t>::min(),
                              std::numeric_limits<int64_t>::max()}) {
    std::string out;
    ByteWriter(out).signed_varint(value);
    ByteReader reader(as_bytes(out));
    EXPECT_EQ(reader.signed_varint(), value);
    EXPECT_TRUE(reader.finished());
  }
}

TEST(Bytes, MalformedVarintsFail) {
  for (const std::string& bad :
       {std::string(), std::string("\x80"), std::string("\x80\x00", 2), std::string(10, '\xff'),
        std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")}) {
    ByteReader reader(as_bytes(bad));
    EXPECT_EQ(reader.varint(), 0U);
    EXPECT_FALSE(reader.ok());
  }
}

TEST(Bytes, AnUnderflowFailsForGood) {
  ByteReader reader(as_bytes("abc"));
  EXPECT_EQ(reader.u32(), 0U);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.u8(), 0U);
  EXPECT_TRUE(reader.take(1).empty());
}

TEST(Bytes, ALengthBeyondTheEndFails) {
  std::string out;
  ByteWriter(out).varint(std::numeric_limits<uint64_t>::max());
  out += "tail";
  ByteReader reader(as_bytes(out));
  EXPECT_TRUE(reader.length_prefixed().empty());
  EXPECT_FALSE(reader.ok());
}

TEST(Bytes, UuidsPrintInTheUsualGroups) {
  Uuid id;
  for (size_t i = 0; i < 16; ++i) id.bytes[i] = static_cast<std::byte>(i);
  EXPECT_EQ(id.to_string(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
  EXPECT_EQ(id.short_form(), 0x0706050403020100U);
}

}  // namespace
}  // namespace revd

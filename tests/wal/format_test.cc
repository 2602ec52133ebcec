#include "wal/format.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/aligned_buffer.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/strings.h"

namespace revd::wal {
namespace {

std::string hex(ByteSpan bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const std::byte byte : bytes) {
    out += kDigits[std::to_integer<unsigned>(byte) >> 4];
    out += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return out;
}

bool all_zero(ByteSpan bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

Uuid counting_uuid(int from) {
  Uuid id;
  for (std::byte& byte : id.bytes) byte = static_cast<std::byte>(from++);
  return id;
}

SegmentHeader sample_header() {
  return {.identity = {.log = counting_uuid(1), .cluster = ClusterId(0x21), .node = NodeId(0x22)},
          .segment_bytes = 64 << 20,
          .number = 0x23,
          .salt = 0x2425262728292a2b,
          .previous_hash = 0x2c2d2e2f30313233,
          .first_sequence = 0x34,
          .base = {.index = LogIndex(0x35), .term = Term(0x36)}};
}

TEST(WalFormat, SegmentHeaderIsGolden) {
  AlignedBuffer block(kBlockBytes);
  encode_segment_header(sample_header(), block.span());
  EXPECT_EQ(hex(block.span().first(104)),
            "726576642d77616c"  // "revd-wal"
            "01000000"
            "00100000"                          // version, block bytes
            "0000000400000000"                  // segment bytes
            "0102030405060708090a0b0c0d0e0f10"  // log uuid
            "2100000000000000"
            "2200000000000000"
            "2300000000000000"
            "2b2a292827262524"
            "333231302f2e2d2c"
            "3400000000000000"
            "3500000000000000"
            "3600000000000000");
  EXPECT_TRUE(all_zero(block.span().subspan(104, kBlockBytes - 8 - 104)));
  EXPECT_EQ(load_le<uint64_t>(block.data() + kBlockBytes - 8), xxh3_64(block.span().first(kBlockBytes - 8)));

  const std::optional<SegmentHeader> decoded = decode_segment_header(block.span());
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->identity, sample_header().identity);
  EXPECT_EQ(decoded->segment_bytes, 64U << 20);
  EXPECT_EQ(decoded->salt, sample_header().salt);
  EXPECT_EQ(decoded->base, sample_header().base);
}

TEST(WalFormat, EveryFlippedByteOfASegmentHeaderIsDetected) {
  AlignedBuffer block(kBlockBytes);
  encode_segment_header(sample_header(), block.span());
  for (size_t i = 0; i < kBlockBytes; ++i) {
    block.data()[i] ^= std::byte{0x10};
    EXPECT_FALSE(decode_segment_header(block.span()).has_value()) << i;
    block.data()[i] ^= std::byte{0x10};
  }
  EXPECT_TRUE(decode_segment_header(block.span()).has_value());
  EXPECT_FALSE(decode_segment_header(block.span().first(100)).has_value());
}

std::vector<Record> sample_records(ByteSpan payload) {
  return {CutTail{.last = {.index = LogIndex(4), .term = Term(2)}},
          Entry{.type = EntryType::kCommand,
                .term = Term(3),
                .index = LogIndex(5),
                .time = LogTime(-2),
                .payload = payload},
          CheckpointRecord{.file = counting_uuid(0x41), .checkpoint = 9, .predecessor = 8},
          SnapshotSwitch{.file = counting_uuid(0x61),
                         .superblock = 7,
                         .last = {.index = LogIndex(6), .term = Term(3)},
                         .time = LogTime(11),
                         .tail_kept = true},
          Successor{.number = 12, .salt = 13}};
}

TEST(WalFormat, BatchIsGolden) {
  AlignedBuffer block(kBlockBytes);
  std::ranges::fill(block.span(), std::byte{0});
  size_t used = kBatchHeaderBytes;
  for (const Record& record : sample_records(as_bytes("hi"))) {
    const size_t length = encode_record(record, block.data() + used);
    EXPECT_EQ(length, record_bytes(record));
    used += length;
  }
  const BatchHeader header{.record_count = 5,
                           .bytes_used = static_cast<uint32_t>(used),
                           .blocks = 1,
                           .log = 0x0102030405060708,
                           .sequence = 0x11,
                           .previous_hash = 0x12,
                           .acknowledged = 0x10,
                           .commit = LogIndex(0x13),
                           .run = 0x14,
                           .checksum = 0};
  const uint64_t checksum = seal_batch(header, 0x15, block.span());
  EXPECT_EQ(hex(block.span().first(64)),
            "72765742"
            "05000000"
            "02010000"
            "01000000"  // "rvWB", records, bytes used, blocks
            "0807060504030201"
            "1100000000000000"
            "1200000000000000"
            "1000000000000000"
            "1300000000000000"
            "1400000000000000");
  EXPECT_EQ(hex(block.span().subspan(kBatchHeaderBytes, used - kBatchHeaderBytes)),
            "02000000"
            "10000000"
            "0400000000000000"
            "0200000000000000"  // cut tail
            "01020000"
            "1a000000"
            "0300000000000000"
            "0500000000000000"
            "feffffffffffffff"
            "6869"  // entry
            "04000000"
            "20000000"
            "4142434445464748494a4b4c4d4e4f50"
            "0900000000000000"
            "0800000000000000"  // checkpoint
            "05000000"
            "38000000"
            "6162636465666768696a6b6c6d6e6f70"
            "0700000000000000"
            "0600000000000000"
            "0300000000000000"
            "0b00000000000000"
            "0100000000000000"
            "03000000"
            "10000000"
            "0c00000000000000"
            "0d00000000000000");  // successor
  EXPECT_EQ(hex(block.span().subspan(64, 8)), "cd58107ac37f8269");
  EXPECT_EQ(load_le<uint64_t>(block.data() + 64), checksum);
  EXPECT_EQ(batch_checksum(block.span(), 0x15), checksum);
  EXPECT_NE(batch_checksum(block.span(), 0x16), checksum);
}

TEST(WalFormat, RecordsRoundTrip) {
  const std::vector<Record> records = sample_records(as_bytes("payload"));
  std::string bytes(4096, '\0');
  size_t used = 0;
  for (const Record& record : records)
    used += encode_record(record, reinterpret_cast<std::byte*>(bytes.data()) + used);
  RecordReader reader(as_bytes(bytes).first(used), static_cast<uint32_t>(records.size()));
  for (const Record& expected : records) {
    const Result<std::optional<Record>> record = reader.next();
    ASSERT_TRUE(record.ok() && record->has_value());
    EXPECT_EQ((*record)->index(), expected.index());
  }
  EXPECT_FALSE(reader.next().value().has_value());
}

TEST(WalFormat, MalformedRecordsAreErrors) {
  std::string bytes(256, '\0');
  auto* const raw = reinterpret_cast<std::byte*>(bytes.data());
  const auto decodes = [&](size_t length, uint32_t count) {
    RecordReader reader(as_bytes(bytes).first(length), count);
    for (;;) {
      const Result<std::optional<Record>> record = reader.next();
      if (!record.ok()) return false;
      if (!record->has_value()) return true;
    }
  };
  const size_t length = encode_record(Successor{.number = 1, .salt = 2}, raw);
  EXPECT_TRUE(decodes(length, 1));
  EXPECT_FALSE(decodes(length, 0));      // bytes left over
  EXPECT_FALSE(decodes(length, 2));      // a record missing
  EXPECT_FALSE(decodes(length - 1, 1));  // cut off
  for (const auto& [at, value] :
       std::vector<std::pair<size_t, char>>{{0, 9}, {0, 0}, {1, 1}, {2, 1}, {4, 15}, {7, 1}}) {
    const char before = std::exchange(bytes[at], value);
    EXPECT_FALSE(decodes(length, 1)) << at;
    bytes[at] = before;
  }
  const size_t entry = encode_record(Entry{}, raw);
  EXPECT_TRUE(decodes(entry, 1));
  bytes[1] = 5;  // no such type
  EXPECT_FALSE(decodes(entry, 1));
}

TEST(WalFormat, HardStateIsGolden) {
  AlignedBuffer block(kBlockBytes);
  const HardStateCopy copy{.log = counting_uuid(1),
                           .sequence = 0x21,
                           .state = {.term = Term(0x22), .vote = NodeId(0x23), .commit = LogIndex(0x24)}};
  encode_hard_state(copy, block.span());
  EXPECT_EQ(hex(block.span().first(64)),
            "726576642d687374"
            "01000000"
            "00000000"
            "0102030405060708090a0b0c0d0e0f10"
            "2100000000000000"
            "2200000000000000"
            "2300000000000000"
            "2400000000000000");
  EXPECT_TRUE(all_zero(block.span().subspan(64, kBlockBytes - 8 - 64)));
  EXPECT_EQ(decode_hard_state(block.span())->state, copy.state);
  EXPECT_EQ(decode_hard_state(block.span())->log, copy.log);
  for (size_t i = 0; i < kBlockBytes; ++i) {
    block.data()[i] ^= std::byte{1};
    EXPECT_FALSE(decode_hard_state(block.span()).has_value()) << i;
    block.data()[i] ^= std::byte{1};
  }
}

TEST(WalFormat, RandomBytesNeverDecodeAndNeverCrash) {
  Random random(1);
  AlignedBuffer block(kBlockBytes);
  for (int i = 0; i < 2000; ++i) {
    random.fill(block.span());
    EXPECT_FALSE(decode_segment_header(block.span()).has_value());
    EXPECT_FALSE(decode_hard_state(block.span()).has_value());
    store_le<uint32_t>(block.data(), 0x42577672);
    store_le<uint32_t>(block.data() + 12, static_cast<uint32_t>(random.below(3)));
    store_le<uint32_t>(block.data() + 8, static_cast<uint32_t>(random.below(9000)));
    if (const auto header = decode_batch_header(block.span(), 1 << 20)) {
      EXPECT_GE(header->bytes_used, kBatchHeaderBytes);
      EXPECT_LE(header->bytes_used, header->blocks * kBlockBytes);
    }
    RecordReader reader(block.span().first(random.below(200)), static_cast<uint32_t>(random.below(4)));
    for (int n = 0; n < 5; ++n) {
      const auto record = reader.next();
      if (!record.ok() || !record->has_value()) break;
    }
  }
}

TEST(WalFormat, NamesRoundTrip) {
  EXPECT_EQ(segment_name(0xab), "00000000000000ab.wal");
  EXPECT_EQ(parse_segment_name(segment_name(0xab)), 0xabU);
  EXPECT_EQ(parse_spare_name(spare_name(7)), 7U);
  EXPECT_EQ(parse_unfinished_spare_name(unfinished_spare_name(7)), 7U);
  for (const char* other :
       {"", ".wal", "1.wal", "00000000000000AB.wal", "spare-1", "hard-state.a", "00000000000000ab"}) {
    EXPECT_EQ(parse_segment_name(other), std::nullopt) << other;
    EXPECT_EQ(parse_spare_name(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace revd::wal

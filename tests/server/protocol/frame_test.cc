#include "server/protocol/frame.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace revd::protocol {
namespace {

constexpr uint32_t kLimit = 1024;

std::string frame_of(std::string_view body, uint16_t flags = 0) {
  std::string out;
  append_frame(17, flags, 42, as_bytes(body), out);
  return out;
}

TEST(Frame, RoundTrips) {
  const std::string bytes = frame_of("hello", kFlagMore | kFlagOpen) + "rest";
  const auto parsed = parse_frame(as_bytes(bytes), kLimit);
  ASSERT_TRUE(parsed.ok());
  ASSERT_TRUE(parsed->has_value());
  const Frame& frame = **parsed;
  EXPECT_EQ(frame.header.type, 17);
  EXPECT_EQ(frame.header.request_id, 42U);
  EXPECT_TRUE(frame.has(kFlagMore));
  EXPECT_TRUE(frame.has(kFlagOpen));
  EXPECT_FALSE(frame.has(kFlagError));
  EXPECT_EQ(as_view(frame.body), "hello");
  EXPECT_EQ(frame.size, kFrameHeaderSize + 5);
  EXPECT_EQ(frame_size(as_bytes(bytes)), kFrameHeaderSize + 5);
}

TEST(Frame, EveryPrefixAsksForMore) {
  const std::string bytes = frame_of("hello");
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto parsed = parse_frame(as_bytes(bytes).first(size), kLimit);
    ASSERT_TRUE(parsed.ok()) << size;
    EXPECT_FALSE(parsed->has_value()) << size;
  }
}

TEST(Frame, LengthIsJudgedFromTheHeaderAlone) {
  std::string bytes;
  ByteWriter(bytes).u32(kLimit + 1);
  EXPECT_EQ(parse_frame(as_bytes(bytes), kLimit).error().code(), ErrorCode::kInvalidArgument);
  bytes.clear();
  ByteWriter(bytes).u32(kLimit);
  EXPECT_TRUE(parse_frame(as_bytes(bytes), kLimit).ok());
}

TEST(Frame, EveryFlippedBitIsFound) {
  const std::string bytes = frame_of("some body");
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto parsed = parse_frame(as_bytes(flipped), kLimit);
    // A longer length only asks for more bytes, which the next frame's will then not match.
    EXPECT_TRUE(!parsed.ok() || !parsed->has_value()) << bit;
  }
}

TEST(Frame, UnknownCriticalFlagsAreRefusedOthersIgnored) {
  EXPECT_FALSE(parse_frame(as_bytes(frame_of("x", 0x0080)), kLimit).ok());
  EXPECT_TRUE(parse_frame(as_bytes(frame_of("x", 0x8000)), kLimit).ok());
}

TEST(Frame, LongMessageComesInSeveralFrames) {
  for (const size_t size : {0UL, 1UL, 9UL, 10UL, 11UL, 20UL, 95UL}) {
    std::string message;
    for (size_t i = 0; i < size; ++i) message.push_back(static_cast<char>('a' + i % 26));
    std::string bytes;
    append_message(17, kFlagOpen, 7, as_bytes(message), 10, bytes);
    std::string assembled;
    size_t frames = 0;
    bool more = true;
    ByteSpan rest = as_bytes(bytes);
    while (!rest.empty()) {
      ASSERT_TRUE(more);
      const auto parsed = parse_frame(rest, 10);
      ASSERT_TRUE(parsed.ok() && parsed->has_value());
      assembled.append(as_view((*parsed)->body));
      more = (*parsed)->has(kFlagMore);
      EXPECT_TRUE((*parsed)->has(kFlagOpen));
      rest = rest.subspan((*parsed)->size);
      ++frames;
    }
    EXPECT_FALSE(more);
    EXPECT_EQ(assembled, message);
    EXPECT_EQ(frames, std::max<size_t>(1, (size + 9) / 10));
  }
}

TEST(Frame, RandomBytesNeverPassForAFrame) {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::string bytes(random.below(200), '\0');
    random.fill(std::as_writable_bytes(std::span(bytes)));
    if (bytes.size() >= 4) store_le<uint32_t>(reinterpret_cast<std::byte*>(bytes.data()), 20);
    const auto parsed = parse_frame(as_bytes(bytes), kLimit);
    EXPECT_TRUE(!parsed.ok() || !parsed->has_value());
  }
}

}  // namespace
}  // namespace revd::protocol

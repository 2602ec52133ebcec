#include "server/protocol/handshake.h"

#include <gtest/gtest.h>

namespace revd::protocol {
namespace {

ServerIntroduction a_server() {
  ServerIntroduction self;
  self.version = "0.1.0";
  self.cluster = ClusterId(0xabcdef);
  self.member = NodeId(3);
  self.frame_body_max = 1 << 21;
  self.request_bytes_max = 1536 * 1024;
  return self;
}

TEST(Handshake, HelloRoundTrips) {
  const Hello hello{1, 4, 0x55, {"test"}};
  const std::string bytes = encode_hello(hello);
  const auto parsed = parse_hello(as_bytes(bytes + "frames follow"));
  ASSERT_TRUE(parsed.ok());
  ASSERT_TRUE(parsed->has_value());
  EXPECT_EQ((*parsed)->message, hello);
  EXPECT_EQ((*parsed)->size, bytes.size());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto prefix = parse_hello(as_bytes(bytes).first(size));
    EXPECT_TRUE(prefix.ok() && !prefix->has_value()) << size;
  }
}

TEST(Handshake, WelcomeRoundTripsAndIsAccepted) {
  const Hello hello;
  const Welcome welcome = answer_hello(hello, a_server());
  const auto parsed = parse_welcome(as_bytes(encode_welcome(welcome)));
  ASSERT_TRUE(parsed.ok() && parsed->has_value());
  EXPECT_EQ((*parsed)->message, welcome);
  EXPECT_EQ(welcome.version, 1);
  EXPECT_TRUE(check_welcome(hello, welcome).ok());
}

TEST(Handshake, UnknownVersionIsRefusedInWords) {
  const Hello hello{7, 9, 0, {}};
  const Welcome welcome = answer_hello(hello, a_server());
  EXPECT_EQ(welcome.refusal, Refusal::kUnknownVersion);
  EXPECT_EQ(welcome.version, 0);
  EXPECT_EQ(welcome.introduction.refusal, "the client speaks protocol versions 7 to 9, this server 1 to 1");
  EXPECT_EQ(check_welcome(hello, welcome).error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(answer_hello({0, 0, 0, {}}, a_server()).refusal, Refusal::kUnknownVersion);
  EXPECT_EQ(answer_hello({3, 1, 0, {}}, a_server()).refusal, Refusal::kUnknownVersion);
}

TEST(Handshake, NewerClientFallsBack) { EXPECT_EQ(answer_hello({1, 9, 0, {}}, a_server()).version, 1); }

TEST(Handshake, FeaturesNobodyHasAreNotChosen) {
  EXPECT_EQ(answer_hello({1, 1, ~uint64_t{0}, {}}, a_server()).features, kFeatures);
}

TEST(Handshake, WrongMagicIsKnownFromTheFirstByte) {
  for (const std::string_view bytes : {"GET / HTTP/1.1\r\n", "G", "revd\n", "\x16\x03\x01"}) {
    const auto parsed = parse_hello(as_bytes(bytes));
    ASSERT_FALSE(parsed.ok()) << bytes;
    EXPECT_EQ(parsed.error().code(), ErrorCode::kUnauthenticated);
    EXPECT_EQ(refuse(parsed.error()).refusal, Refusal::kWrongMagic);
  }
}

TEST(Handshake, EveryFlippedBitIsFound) {
  const std::string bytes = encode_hello({1, 1, 0, {"name"}});
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto parsed = parse_hello(as_bytes(flipped));
    EXPECT_TRUE(!parsed.ok() || !parsed->has_value()) << bit;
  }
}

TEST(Handshake, OversizeIntroductionIsRefusedBeforeItComes) {
  std::string bytes = encode_hello({});
  store_le<uint32_t>(reinterpret_cast<std::byte*>(bytes.data()) + 12, kIntroductionSizeMax + 1);
  const auto parsed = parse_hello(as_bytes(bytes).first(kPrefaceSize));
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(refuse(parsed.error()).refusal, Refusal::kMalformed);
}

TEST(Handshake, WelcomeThatContradictsTheHelloIsRefused) {
  Welcome welcome = answer_hello({}, a_server());
  welcome.version = 2;
  EXPECT_FALSE(check_welcome({}, welcome).ok());
  welcome = answer_hello({}, a_server());
  welcome.features = 1;
  EXPECT_FALSE(check_welcome({}, welcome).ok());
  welcome = answer_hello({}, a_server());
  welcome.introduction.frame_body_max = 100;
  EXPECT_FALSE(check_welcome({}, welcome).ok());
  EXPECT_EQ(check_welcome({}, refuse(Refusal::kTooManyConnections, "full")).error().code(),
            ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace revd::protocol

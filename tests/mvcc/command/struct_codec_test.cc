#include "mvcc/command/struct_codec.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/strings.h"
#include "mvcc/command/requests.h"
#include "mvcc/command/responses.h"
#include "tests/mvcc/command/random_messages.h"

namespace revd {
namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    if (!out.empty()) out += ' ';
    out += to_hex(static_cast<unsigned char>(c)).substr(14);
  }
  return out;
}

template <typename T>
class RoundTrip : public ::testing::Test {};

using Messages =
    ::testing::Types<KeyValue, Event, Revision, PutRequest, RangeRequest, DeleteRangeRequest, Compare,
                     TxnRequest, CompactRequest, LeaseGrantRequest, LeaseRevokeRequest, LeaseKeepAliveRequest,
                     LeaseTimeToLiveRequest, LeaseLeasesRequest, WatchCreateRequest, WatchCancelRequest,
                     WatchProgressRequest, SessionOpenRequest, SessionCloseRequest, SessionKeepAliveRequest,
                     ErrorAnswer, EmptyResponse, PutResponse, RangeResponse, DeleteRangeResponse, TxnResponse,
                     CompactResponse, LeaseGrantResponse, LeaseRevokeResponse, LeaseKeepAliveResponse,
                     LeaseTimeToLiveResponse, LeaseLeasesResponse, WatchResponse, SessionOpenResponse>;
TYPED_TEST_SUITE(RoundTrip, Messages);

TYPED_TEST(RoundTrip, GivesTheSameBack) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    TypeParam message;
    randomize(random, message, 4);
    const std::string bytes = encode_message(message);
    EXPECT_EQ(bytes.size(), encoded_size(message));
    const Result<TypeParam> back = decode_message<TypeParam>(as_bytes(bytes));
    ASSERT_TRUE(back.ok());
    EXPECT_TRUE(*back == message);
    EXPECT_EQ(encode_message(*back), bytes);
  }
}

// Cut anywhere, a message either isn't one or reads as a shorter one; never past its end (asan).
TYPED_TEST(RoundTrip, SurvivesTruncationAndFlips) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    TypeParam message;
    randomize(random, message, 3);
    const std::string bytes = encode_message(message);
    for (size_t length = 0; length < bytes.size(); ++length) {
      const std::string cut(bytes, 0, length);
      const auto read = decode_message<TypeParam>(as_bytes(cut));
      if (read.ok()) {
        EXPECT_LE(encoded_size(*read), cut.size());
      }
    }
    for (int round = 0; round < 50 && !bytes.empty(); ++round) {
      std::string flipped = bytes;
      flipped[random.below(flipped.size())] ^= static_cast<char>(1 + random.below(255));
      const auto read = decode_message<TypeParam>(as_bytes(flipped));
      if (read.ok()) {
        EXPECT_EQ(encode_message(*decode_message<TypeParam>(as_bytes(encode_message(*read)))),
                  encode_message(*read));
      }
    }
  }
}

TYPED_TEST(RoundTrip, SkipsFieldsThatItDoesNotKnow) {
  Random random(7);
  TypeParam message;
  randomize(random, message, 3);
  // A newer writer's message has all of today's fields in front of the new ones.
  std::string bytes;
  ByteWriter writer(bytes);
  std::apply([&](auto... member) { (codec::write(writer, message.*member), ...); }, TypeParam::fields());
  bytes += "a field of tomorrow";
  const auto read = decode_message<TypeParam>(as_bytes(bytes));
  ASSERT_TRUE(read.ok());
  EXPECT_TRUE(*read == message);
}

TEST(StructCodec, GoldenBytes) {
  EXPECT_EQ(hex(encode_message(PutRequest{.key = "k", .value = "v"})), "01 6b 01 76");
  EXPECT_EQ(hex(encode_message(PutRequest{.key = "k", .lease = LeaseId(7), .prev_kv = true})),
            "01 6b 00 0e 01");
  EXPECT_EQ(hex(encode_message(PutRequest{.key = "k", .ttl_ms = 1000})), "01 6b 00 00 00 00 00 d0 0f");
  EXPECT_EQ(hex(encode_message(RangeRequest{.key = "a", .range_end = "b", .limit = 10, .revision = -1})),
            "01 61 01 62 14 01");
  EXPECT_EQ(hex(encode_message(CompactRequest{.revision = 300, .physical = true})), "d8 04 01");
  EXPECT_EQ(hex(encode_message(LeaseKeepAliveRequest{.ids = {LeaseId(1), LeaseId(-1)}})), "02 02 01");
  const Compare compare{
      .target = CompareTarget::kMod, .result = CompareResult::kGreater, .key = "c", .number = 3};
  const TxnRequest txn{.compare = {compare},
                       .success = {{PutRequest{.key = "k", .value = "v"}}},
                       .failure = {{RangeRequest{.key = "k"}}, {TxnRequest{}}}};
  EXPECT_EQ(hex(encode_message(txn)),
            "01 06 02 01 01 63 00 06 "  // one compare of 6 bytes
            "01 01 04 01 6b 01 76 "     // one operation, a put of 4 bytes
            "02 02 02 01 6b 04 00");    // two: a range of 2 bytes, an empty transaction
  const KeyValue kv{.key = "k", .create_revision = 2, .mod_revision = 3, .version = 2, .value = "v"};
  EXPECT_EQ(hex(encode_message(PutResponse{.revision = 4, .prev_kv = kv})), "08 01 07 01 6b 04 06 04 01 76");
  EXPECT_EQ(hex(encode_message(WatchResponse{
                .revision = 3,
                .watch_id = WatchId(1),
                .events = {{.type = EventType::kDelete, .kv = {.key = "k", .mod_revision = 3}}}})),
            "06 02 00 00 00 00 00 01 06 01 04 01 6b 00 06");
}

TEST(StructCodec, ViewsHaveTheSameBytes) {
  const PutRequest owned{
      .key = "key", .value = "value", .lease = LeaseId(9), .ignore_lease = true, .ttl_ms = -5};
  const std::string bytes = encode_message(owned);
  const auto view = decode_message<PutView>(as_bytes(bytes));
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->key, "key");
  EXPECT_EQ(view->key.data(), bytes.data() + 1) << "no copy";
  EXPECT_EQ(encode_message(*view), bytes);
}

TEST(StructCodec, EnumsOutsideTheirValues) {
  // A sort option is for check_range to refuse, with etcd's words.
  const auto sorted = decode_message<RangeRequest>(as_bytes(encode_message(RangeRequest{
      .key = "k", .sort_order = static_cast<SortOrder>(9), .sort_target = static_cast<SortTarget>(7)})));
  ASSERT_TRUE(sorted.ok());
  EXPECT_EQ(static_cast<int>(sorted->sort_order), 9);
  EXPECT_FALSE(
      decode_message<Compare>(as_bytes(encode_message(Compare{.target = static_cast<CompareTarget>(5)})))
          .ok());
  EXPECT_FALSE(
      decode_message<Compare>(as_bytes(encode_message(Compare{.result = static_cast<CompareResult>(4)})))
          .ok());
  EXPECT_FALSE(decode_message<Event>(as_bytes(std::string("\x02", 1))).ok());
}

TEST(StructCodec, StrictAboutBooleansAndTags) {
  EXPECT_FALSE(decode_message<DeleteRangeRequest>(as_bytes(std::string_view("\1k\0\2", 4))).ok());
  EXPECT_FALSE(decode_message<PutResponse>(as_bytes(std::string_view("\2\2", 2))).ok())
      << "present is 0 or 1";
  EXPECT_FALSE(decode_message<TxnRequest>(as_bytes(std::string_view("\0\1\5\0", 4))).ok())
      << "no operation 5";
  EXPECT_TRUE(decode_message<TxnRequest>(as_bytes(std::string_view("\0\1\0", 3))).ok())
      << "an empty operation";
}

TEST(StructCodec, CountsAreCheckedBeforeMemoryIsTaken) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.varint(uint64_t{1} << 60);
  EXPECT_FALSE(decode_message<LeaseKeepAliveRequest>(as_bytes(bytes)).ok());
  EXPECT_FALSE(decode_message<TxnRequest>(as_bytes(bytes)).ok());

  // As many empty operations as there are bytes: each would take a hundred times its byte.
  std::string many;
  ByteWriter(many).varint(0);
  ByteWriter(many).varint(100'000);
  many.append(100'000, '\0');
  EXPECT_FALSE(decode_message<TxnRequest>(as_bytes(many)).ok());
  EXPECT_TRUE(decode_message<TxnRequest>(as_bytes(many), {.operations = 100'000}).ok());
}

TxnRequest nested(int levels) {
  TxnRequest inner;
  inner.success.emplace_back().one_of = PutRequest{.key = "k"};
  for (int level = 0; level < levels; ++level) {
    TxnRequest outer;
    outer.success.emplace_back().one_of = std::move(inner);
    inner = std::move(outer);
  }
  return inner;
}

TEST(StructCodec, NestingIsBounded) {
  EXPECT_TRUE(decode_message<TxnRequest>(as_bytes(encode_message(nested(128)))).ok());
  EXPECT_FALSE(decode_message<TxnRequest>(as_bytes(encode_message(nested(140)))).ok());
  std::string hostile;
  for (int i = 0; i < 100'000; ++i) hostile += std::string("\0\1\4\x7f", 4);
  EXPECT_FALSE(decode_message<TxnRequest>(as_bytes(hostile)).ok());
}

TEST(StructCodec, RandomBytesNeverCrash) {
  for (uint64_t seed = 1; seed <= 20'000; ++seed) {
    Random random(seed);
    std::string bytes(random.below(64), '\0');
    const uint64_t top = random.chance(1, 2) ? 8 : 256;  // small numbers get further
    for (char& c : bytes) c = static_cast<char>(random.below(top));
    (void)decode_message<TxnRequest>(as_bytes(bytes)).ok();
    (void)decode_message<TxnResponse>(as_bytes(bytes)).ok();
    (void)decode_message<WatchResponse>(as_bytes(bytes)).ok();
    (void)decode_message<RangeRequest>(as_bytes(bytes)).ok();
  }
}

}  // namespace
}  // namespace revd

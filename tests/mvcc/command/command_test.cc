#include "mvcc/command/command.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/random.h"
#include "mvcc/command/errors.h"
#include "tests/mvcc/command/random_messages.h"

namespace revd {
namespace {

TEST(Command, RoundTripsEveryBody) {
  std::set<CommandKind> seen;
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Command command = random_command(random);
    seen.insert(command.kind());
    const std::string bytes = encode_command(command);
    const Result<Command> back = decode_command(as_bytes(bytes));
    ASSERT_TRUE(back.ok());
    EXPECT_TRUE(*back == command);
    EXPECT_EQ(encode_command(*back), bytes);
  }
  EXPECT_EQ(seen.size(), std::variant_size_v<CommandBody> - 1) << "every kind was tried";
}

TEST(Command, GoldenBytes) {
  const Command bare{.header = {}, .body = PutRequest{.key = "k", .value = "v"}};
  EXPECT_EQ(encode_command(bare), std::string("\x01\x00\x01\x01k\x01v", 7));
  const Command full{.header = {.session = SessionId(5),
                                .sequence = 3,
                                .lowest_unacknowledged = 2,
                                .principal = "p",
                                .permission_revision = 1},
                     .body = LeaseExpireCommand{.term = Term(4), .ids = {LeaseId(6)}}};
  EXPECT_EQ(encode_command(full), std::string("\x01\x06\x05\x03\x02\x01p\x02\x08\x04\x01\x0c", 12));
}

TEST(Command, PutsAreReadWithoutACopy) {
  std::string bytes;
  encode_command({.session = SessionId(1)}, CommandKind::kPut, PutView{.key = "key", .value = "value"},
                 bytes);
  const Result<CommandParts> parts = split_command(as_bytes(bytes));
  ASSERT_TRUE(parts.ok());
  EXPECT_EQ(parts->kind, CommandKind::kPut);
  EXPECT_EQ(parts->header.session, SessionId(1));
  const auto put = decode_message<PutView>(parts->body);
  ASSERT_TRUE(put.ok());
  EXPECT_EQ(put->value, "value");
  EXPECT_GE(put->value.data(), bytes.data());
  EXPECT_LT(put->value.data(), bytes.data() + bytes.size());
  const auto owned = decode_command(as_bytes(bytes));
  ASSERT_TRUE(owned.ok());
  EXPECT_EQ(std::get<PutRequest>(owned->body).key, "key");
}

TEST(Command, AnUnknownVersionIsToldFromDamage) {
  std::string bytes = encode_command(Command{.header = {}, .body = PutRequest{.key = "k"}});
  bytes[0] = kCommandVersion + 1;
  EXPECT_EQ(decode_command(as_bytes(bytes)).error().code(), ErrorCode::kUnimplemented);
  EXPECT_EQ(decode_command({}).error().code(), ErrorCode::kDataLoss);
}

TEST(Command, AnUnknownKindIsAnError) {
  std::string bytes("\x01\x00\x00", 3);
  for (const int kind : {0, 15, 255}) {
    bytes[2] = static_cast<char>(kind);
    EXPECT_EQ(decode_command(as_bytes(bytes)).error().code(), ErrorCode::kDataLoss) << kind;
  }
}

TEST(Command, TruncatedOrFlippedNeverCrashes) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::string bytes = encode_command(random_command(random));
    for (size_t length = 0; length < bytes.size(); ++length)
      (void)decode_command(as_bytes(std::string(bytes, 0, length))).ok();
    for (int round = 0; round < 100; ++round) {
      std::string flipped = bytes;
      flipped[random.below(flipped.size())] ^= static_cast<char>(1 + random.below(255));
      const auto read = decode_command(as_bytes(flipped));
      if (read.ok()) {
        EXPECT_TRUE(*decode_command(as_bytes(encode_command(*read))) == *read);
      }
    }
  }
}

TEST(CommandResult, RoundTripsEveryAnswer) {
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    CommandResult result;
    random_messages::alternative(random, result.one_of, 4);
    std::string bytes;
    encode_command_result(result, bytes);
    const auto back = decode_command_result(as_bytes(bytes));
    ASSERT_TRUE(back.ok());
    EXPECT_TRUE(*back == result);
    for (size_t length = 0; length < bytes.size(); ++length)
      EXPECT_FALSE(decode_command_result(as_bytes(std::string(bytes, 0, length))).ok()) << length;
    EXPECT_FALSE(decode_command_result(as_bytes(bytes + '\0')).ok());
  }
}

TEST(CommandResult, GivesTheAnswerOrItsError) {
  CommandResult result{PutResponse{.revision = 7}};
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.as<PutResponse>()->revision, 7);
  EXPECT_EQ(result.as<TxnResponse>().error().code(), ErrorCode::kInternal);
  result = {ErrorAnswer::from(compacted_error(5))};
  EXPECT_FALSE(result.ok());
  std::string bytes;
  encode_command_result(result, bytes);
  const auto error = decode_command_result(as_bytes(bytes))->as<PutResponse>().error();
  EXPECT_EQ(compact_revision_of(error), 5);
}

TEST(CommandResult, AnUnknownVersionIsToldFromDamage) {
  std::string bytes;
  encode_command_result({EmptyResponse{.revision = 1}}, bytes);
  bytes[0] = 9;
  EXPECT_EQ(decode_command_result(as_bytes(bytes)).error().code(), ErrorCode::kUnimplemented);
  EXPECT_EQ(decode_command_result({}).error().code(), ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace revd

// The services through the in-process door: reads in pages, hash, snapshot, status, the error table.
#include "engine/backup.h"
#include "tests/server/node/node_fixture.h"

namespace revd {
namespace {

class ServicesTest : public NodeTest {};

void expect_error(const Result<Response>& outcome, ApiError which) {
  ASSERT_FALSE(outcome.ok());
  const ApiErrorRow& row = api_errors()[static_cast<size_t>(which)];
  EXPECT_EQ(outcome.error().text(), row.text);
  EXPECT_EQ(outcome.error().code(), code_of(row.kind));
}

TxnRequest txn_of(std::vector<RequestOp> success) {
  TxnRequest txn;
  txn.success = std::move(success);
  return txn;
}

TEST_F(ServicesTest, ErrorTableOfRequestsThatAreWrong) {
  ASSERT_TRUE(server.put("a", "1").ok());
  expect_error(server.ask(PutRequest{}), ApiError::kKeyNotProvided);
  expect_error(server.ask(RangeRequest{}), ApiError::kKeyNotProvided);
  expect_error(server.ask(DeleteRangeRequest{}), ApiError::kKeyNotProvided);
  expect_error(server.ask(PutRequest{.key = "none", .ignore_value = true}), ApiError::kKeyNotFound);
  expect_error(server.ask(PutRequest{.key = "a", .value = "x", .ignore_value = true}),
               ApiError::kValueProvided);
  expect_error(server.ask(PutRequest{.key = "a", .lease = LeaseId(1), .ignore_lease = true}),
               ApiError::kLeaseProvided);
  expect_error(server.ask(txn_of(std::vector<RequestOp>(129, {RangeRequest{.key = "a"}}))),
               ApiError::kTooManyOperations);
  expect_error(server.ask(txn_of({{PutRequest{.key = "a"}}, {PutRequest{.key = "a"}}})),
               ApiError::kDuplicateKey);
  expect_error(server.ask(RangeRequest{.key = "a", .sort_order = static_cast<SortOrder>(9)}),
               ApiError::kInvalidSortOption);
  expect_error(server.ask(PutRequest{.key = "a", .value = std::string(1537 * 1024, 'v')}),
               ApiError::kRequestTooLarge);
}

TEST_F(ServicesTest, ErrorTableOfTheStoresState) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(server.put("a", str_cat(i)).ok());
  ASSERT_TRUE(server.ask(CompactRequest{.revision = 4}).ok());
  expect_error(server.ask(RangeRequest{.key = "a", .revision = 3}), ApiError::kCompacted);
  expect_error(server.ask(RangeRequest{.key = "a", .revision = 3, .serializable = true}),
               ApiError::kCompacted);
  expect_error(server.ask(RangePagesRequest{.range = {.key = "a", .revision = 3}}), ApiError::kCompacted);
  expect_error(server.ask(HashRequest{3}), ApiError::kCompacted);
  expect_error(server.ask(CompactRequest{.revision = 4}), ApiError::kCompacted);
  expect_error(server.ask(CompactRequest{.revision = 99}), ApiError::kFutureRevision);
  expect_error(server.ask(RangeRequest{.key = "a", .revision = 99}), ApiError::kFutureRevision);
  expect_error(server.ask(LeaseGrantRequest{.ttl_ms = kLeaseTtlMaxMs + 1}), ApiError::kLeaseTtlTooLarge);
  expect_error(server.ask(LeaseRevokeRequest{LeaseId(9)}), ApiError::kLeaseNotFound);
  expect_error(server.ask(PutRequest{.key = "a", .lease = LeaseId(9)}), ApiError::kLeaseNotFound);
  ASSERT_TRUE(server.ask(LeaseGrantRequest{.id = LeaseId(9), .ttl_ms = 9000}).ok());
  expect_error(server.ask(LeaseGrantRequest{.id = LeaseId(9), .ttl_ms = 9000}), ApiError::kLeaseExists);
  expect_error(server.ask(PutRequest{.key = "a"}, {SessionId(1), 1, 1}), ApiError::kSessionExpired);
}

TEST_F(ServicesTest, CompactedErrorTellsTheRevision) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(server.put("a", str_cat(i)).ok());
  ASSERT_TRUE(server.ask(CompactRequest{.revision = 4}).ok());
  const auto past = server.ask(RangeRequest{.key = "a", .revision = 2});
  ASSERT_FALSE(past.ok());
  EXPECT_EQ(past.error().detail(), "compact_revision=4");
  EXPECT_EQ(server.last_header.revision, 6);
}

TEST_F(ServicesTest, RangeComesInPagesOfOneRevision) {
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(server.put(str_cat("k", 100 + i), std::string(1000, 'v')).ok());
  const auto call =
      server.start(RangePagesRequest{.range = {.key = "k", .range_end = "l"}, .page_bytes_max = 10'000});
  call->credit_bytes = 1;  // one page, then none until more is given
  server.world.run_for(std::chrono::milliseconds(100));
  ASSERT_LE(call->answers.size(), 2U);
  ASSERT_FALSE(call->finished);
  ASSERT_TRUE(server.put("k150x", "newer").ok());
  InProcessDoor(server.process.env().executor, server.service()).give_credit(*call, 1 << 20);
  server.world.run_until([&] { return call->finished; });
  ASSERT_GT(call->answers.size(), 5U);
  std::vector<KeyValue> kvs;
  for (size_t i = 0; i < call->answers.size(); ++i) {
    const auto& page = std::get<RangeResponse>(*call->answers[i].outcome);
    EXPECT_EQ(page.revision, 101);
    EXPECT_EQ(page.count, i + 1 == call->answers.size() ? 100 : 0);
    kvs.insert(kvs.end(), page.kvs.begin(), page.kvs.end());
  }
  ASSERT_EQ(kvs.size(), 100U);
  for (size_t i = 0; i < kvs.size(); ++i) EXPECT_EQ(kvs[i].key, str_cat("k", 100 + i));
}

TEST_F(ServicesTest, ReaderThatLeavesIsForgotten) {
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(server.put(str_cat("k", i), std::string(1000, 'v')).ok());
  const auto call =
      server.start(RangePagesRequest{.range = {.key = "k", .range_end = "l"}, .page_bytes_max = 1000});
  call->credit_bytes = -1;
  server.world.run_for(std::chrono::milliseconds(10));
  EXPECT_EQ(server.service().api().reads(), 1U);
  InProcessDoor(server.process.env().executor, server.service()).leave(*call);
  server.world.run_for(std::chrono::milliseconds(10));
  EXPECT_EQ(server.service().api().reads(), 0U);
}

TEST_F(ServicesTest, HashDependsOnContentAlone) {
  ASSERT_TRUE(server.put("a", "1").ok());
  const auto first = server.ask_for<HashResponse>(HashRequest{});
  ASSERT_TRUE(server.put("b", "2").ok());
  const auto second = server.ask_for<HashResponse>(HashRequest{});
  const auto past = server.ask_for<HashResponse>(HashRequest{2});
  ASSERT_TRUE(first.ok() && second.ok() && past.ok());
  EXPECT_NE(first->hash, second->hash);
  EXPECT_EQ(first->hash, past->hash);
  EXPECT_EQ(past->hash_revision, 2);
}

TEST_F(ServicesTest, SnapshotStreamIsWhole) {
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(server.put(str_cat("k", i), std::string(2000, 'v')).ok());
  const auto call = server.start(SnapshotRequest{});
  ASSERT_TRUE(server.put("later", "1").ok());
  server.world.run_until([&] { return call->finished; });
  std::string bytes;
  for (const auto& answer : call->answers) {
    const auto& chunk = std::get<SnapshotChunk>(*answer.outcome);
    EXPECT_EQ(chunk.offset, bytes.size());
    EXPECT_EQ(chunk.revision, 301);
    bytes += chunk.data;
  }
  const auto& last = std::get<SnapshotChunk>(*call->answers.back().outcome);
  EXPECT_EQ(last.total_bytes, bytes.size());
  StreamingHash hash;
  hash.update(as_bytes(bytes));
  EXPECT_EQ(last.hash, hash.digest());
  size_t at = 0;
  BackupTotals totals;
  const auto info = check_backup(
      [&](size_t count, std::string& out) -> Status {
        if (bytes.size() - at < count) return Error(ErrorCode::kDataLoss, "the stream ends");
        out = bytes.substr(at, count);
        at += count;
        return {};
      },
      totals);
  ASSERT_TRUE(info.ok()) << info.error().describe();
  EXPECT_GT(totals.entries, 600U);
}

TEST_F(ServicesTest, StatusTellsTheNode) {
  ASSERT_TRUE(server.put("a", "1").ok());
  const auto status = server.ask_for<StatusResponse>(StatusRequest{});
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->revision, 2);
  EXPECT_EQ(status->version, "test");
  EXPECT_EQ(status->leader, NodeId(1));
  EXPECT_EQ(status->log_index, LogIndex(3));
  EXPECT_EQ(status->key_count, 1U);
  EXPECT_GT(status->db_size_bytes, 0U);
  EXPECT_GT(status->log_bytes, 0U);
  EXPECT_TRUE(status->errors.empty());
}

TEST_F(ServicesTest, LeaseListAndTimeToLive) {
  ASSERT_TRUE(server.ask(LeaseGrantRequest{.id = LeaseId(3), .ttl_ms = 9000}).ok());
  ASSERT_TRUE(server.ask(LeaseGrantRequest{.id = LeaseId(2), .ttl_ms = 9000}).ok());
  const auto list = server.ask_for<LeaseLeasesResponse>(LeaseLeasesRequest{});
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->ids, (std::vector<LeaseId>{LeaseId(2), LeaseId(3)}));
  const auto unknown = server.ask_for<LeaseTimeToLiveResponse>(LeaseTimeToLiveRequest{LeaseId(8), false});
  ASSERT_TRUE(unknown.ok());
  EXPECT_EQ(unknown->ttl_ms, -1);
}

TEST_F(ServicesTest, AlarmsAreDisarmed) {
  std::string raise;
  encode_command(CommandHeader{}, CommandKind::kAlarmRaise, AlarmRaiseCommand{NodeId(1), AlarmCause::kDisk},
                 raise);
  server.node().propose(std::move(raise), nullptr);
  server.world.run_until([&] { return !server.node().store().alarms().empty(); });
  expect_error(server.ask(PutRequest{.key = "a"}), ApiError::kNoSpace);
  const auto disarmed = server.ask_for<AlarmResponse>(AlarmRequest{AlarmAction::kDisarm, {}});
  ASSERT_TRUE(disarmed.ok());
  EXPECT_EQ(disarmed->alarms, (std::vector<Alarm>{{NodeId(1), AlarmCause::kDisk}}));
  EXPECT_TRUE(server.put("a", "1").ok());
}

}  // namespace
}  // namespace revd

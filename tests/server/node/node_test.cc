// A node on the simulated world: the life of a write and of a read, starts and stops, failures of its disk.
#include <algorithm>

#include "tests/server/node/node_fixture.h"

namespace revd {
namespace {

TEST_F(NodeTest, PutAndRange) {
  const auto revision = server.put("a", "1");
  ASSERT_TRUE(revision.ok()) << revision.error().describe();
  EXPECT_EQ(*revision, 2);
  EXPECT_EQ(server.last_header.cluster, ClusterId(7));
  EXPECT_EQ(server.last_header.member, NodeId(1));
  EXPECT_EQ(server.last_header.revision, 2);
  EXPECT_EQ(server.last_header.term, Term(1));
  EXPECT_EQ(server.last_header.applied_index, LogIndex(3));  // after configuration and no-op
  EXPECT_EQ(server.get("a"), "1");
  ASSERT_TRUE(server.put("a", "2").ok());
  EXPECT_EQ(server.get("a", 2), "1");
}

TEST_F(NodeTest, EachStartRaisesTheTermAndWritesItsNoop) {
  ASSERT_TRUE(server.put("a", "1").ok());
  server.kill();
  ASSERT_TRUE(server.open().ok());
  EXPECT_EQ(server.node().consensus().state().term, Term(2));
  EXPECT_EQ(server.node().consensus().state().last_index, LogIndex(4));
  EXPECT_EQ(server.get("a"), "1");
}

TEST_F(NodeTest, ReadsSeeEveryWriteThatWasAnswered) {
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(server.put("k", str_cat(i)).ok());
    ASSERT_EQ(server.get("k"), str_cat(i));
  }
}

TEST_F(NodeTest, TransactionsAndDeletes) {
  TxnRequest txn;
  txn.compare.push_back({.target = CompareTarget::kVersion, .key = "a", .number = 0});
  txn.success.push_back({PutRequest{.key = "a", .value = "1"}});
  txn.success.push_back({PutRequest{.key = "b", .value = "2"}});
  const auto done = server.ask_for<TxnResponse>(txn);
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_TRUE(done->succeeded);
  EXPECT_EQ(done->revision, 2);
  const auto again = server.ask_for<TxnResponse>(txn);
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(again->succeeded);
  const auto deleted = server.ask_for<DeleteRangeResponse>(DeleteRangeRequest{.key = "a", .range_end = "z"});
  ASSERT_TRUE(deleted.ok());
  EXPECT_EQ(deleted->deleted, 2);
  EXPECT_EQ(server.get("a"), "(none)");
  EXPECT_EQ(server.get("a", 2), "1");
}

TEST_F(NodeTest, CompactionAlsoPhysical) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(server.put("k", str_cat(i)).ok());
  ASSERT_TRUE(server.ask(CompactRequest{.revision = 15, .physical = true}).ok());
  EXPECT_EQ(server.node().store().metrics().physical_compact_revision, 15);
  const auto past = server.ask(RangeRequest{.key = "k", .revision = 14});
  ASSERT_FALSE(past.ok());
  EXPECT_TRUE(is_api_error(past.error(), ApiError::kCompacted));
  EXPECT_EQ(compact_revision_of(past.error()), 15);
  EXPECT_EQ(server.get("k", 15), "13");
}

TEST_F(NodeTest, LeasesExpireInLogTimeAlsoAfterARestart) {
  const auto lease = server.ask_for<LeaseGrantResponse>(LeaseGrantRequest{.id = LeaseId(5), .ttl_ms = 3000});
  ASSERT_TRUE(lease.ok());
  ASSERT_TRUE(server.put("a", "1", LeaseId(5)).ok());
  server.world.run_for(std::chrono::milliseconds(2000));
  server.kill();
  ASSERT_TRUE(server.open().ok());
  const auto left = server.ask_for<LeaseTimeToLiveResponse>(LeaseTimeToLiveRequest{LeaseId(5), true});
  ASSERT_TRUE(left.ok());
  EXPECT_LE(left->ttl_ms, 2000);
  EXPECT_EQ(left->keys, std::vector<std::string>{"a"});
  server.world.run_for(std::chrono::milliseconds(2600));
  EXPECT_EQ(server.get("a"), "(none)");
}

TEST_F(NodeTest, KeepAlivesOfOneRoundAreOneCommand) {
  for (int64_t id = 1; id <= 20; ++id)
    ASSERT_TRUE(server.ask(LeaseGrantRequest{.id = LeaseId(id), .ttl_ms = 5000}).ok());
  const LogIndex before = server.node().applied_index();
  std::vector<std::shared_ptr<InProcessCall>> calls;
  for (int64_t id = 1; id <= 21; ++id) calls.push_back(server.start(LeaseKeepAliveRequest{{LeaseId(id)}}));
  server.world.run_until([&] { return calls.back()->finished; });
  EXPECT_EQ(server.node().applied_index(), before.next());
  for (size_t i = 0; i < calls.size(); ++i) {
    const auto& answer = std::get<LeaseKeepAliveResponse>(*calls[i]->answers.at(0).outcome);
    ASSERT_EQ(answer.ttls_ms, (std::vector<int64_t>{i < 20 ? 5000 : 0}));
  }
}

TEST_F(NodeTest, TooMuchUnappliedIsRefused) {
  NodeSettings settings = small_node_settings();
  settings.unapplied_bytes_max = 1 << 20;
  SimServer small(2, settings);
  ASSERT_TRUE(small.open().ok());
  std::vector<std::shared_ptr<InProcessCall>> calls;
  for (int i = 0; i < 40; ++i)
    calls.push_back(small.start(PutRequest{.key = "k", .value = std::string(50'000, 'v')}));
  small.world.run_until(
      [&] { return std::ranges::all_of(calls, [](const auto& call) { return call->finished; }); });
  int done = 0;
  int refused = 0;
  for (const auto& call : calls) {
    const auto& outcome = call->answers.at(0).outcome;
    if (outcome.ok()) ++done;
    if (!outcome.ok() && is_api_error(outcome.error(), ApiError::kTooManyRequests)) ++refused;
  }
  EXPECT_EQ(done + refused, 40);
  EXPECT_GT(done, 10);
  EXPECT_GT(refused, 10);
  EXPECT_LE(small.node().statistics().unapplied_bytes_high, 1U << 20);
  EXPECT_EQ(small.node().statistics().unapplied_bytes, 0U);
}

TEST_F(NodeTest, OwnDiskFailingStopsItLoudly) {
  ASSERT_TRUE(server.put("a", "1").ok());
  server.process.disk().faults.durable_write_error = 1;
  server.process.disk().faults.sync_error = 1;
  const auto answer = server.ask(PutRequest{.key = "b", .value = "2"});
  ASSERT_FALSE(answer.ok());
  EXPECT_TRUE(is_api_error(answer.error(), ApiError::kStopped));
  server.world.run_until([&] { return server.failure.has_value(); });
  EXPECT_TRUE(server.failure.has_value());
  const auto later = server.ask(RangeRequest{.key = "a"});
  ASSERT_FALSE(later.ok());
  EXPECT_TRUE(is_api_error(later.error(), ApiError::kStopped));
}

TEST_F(NodeTest, CloseLeavesNothingToReplay) {
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(server.put(str_cat("k", i), "v").ok());
  ASSERT_TRUE(server.close().ok());
  ASSERT_TRUE(server.open().ok());
  EXPECT_EQ(server.node().statistics().entries_replayed, 0U);
  EXPECT_EQ(server.get("k29"), "v");
}

TEST_F(NodeTest, SessionAppliesARetryOnce) {
  const auto session = server.ask_for<SessionOpenResponse>(SessionOpenRequest{.ttl_ms = 60'000, .window = 8});
  ASSERT_TRUE(session.ok());
  const SessionStamp stamp{.session = session->id, .sequence = 1, .lowest_unacknowledged = 1};
  const auto first = server.ask_for<PutResponse>(PutRequest{.key = "a", .value = "1"}, stamp);
  const auto again = server.ask_for<PutResponse>(PutRequest{.key = "a", .value = "1"}, stamp);
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(first->revision, again->revision);
  EXPECT_EQ(server.node().store().current_revision(), first->revision);
  ASSERT_TRUE(server.ask(SessionCloseRequest{session->id}).ok());
  const auto late = server.ask(PutRequest{.key = "a", .value = "1"}, {session->id, 2, 1});
  ASSERT_FALSE(late.ok());
  EXPECT_TRUE(is_api_error(late.error(), ApiError::kSessionExpired));
}

}  // namespace
}  // namespace revd

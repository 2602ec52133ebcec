// Watches through the services: order, credit, detachment, progress, ids.
#include "tests/server/node/node_fixture.h"

namespace revd {
namespace {

class WatchServiceTest : public NodeTest {
 protected:
  std::shared_ptr<InProcessCall> watch(WatchCreateRequest request) {
    auto call = server.start(std::move(request));
    server.world.run_until([&] { return !call->answers.empty(); });
    return call;
  }
  static const WatchResponse& message(const InProcessCall& call, size_t i) {
    return std::get<WatchResponse>(*call.answers.at(i).outcome);
  }
  static std::vector<int64_t> revisions(const InProcessCall& call) {
    std::vector<int64_t> seen;
    for (size_t i = 0; i < call.answers.size(); ++i)
      for (const Event& event : message(call, i).events) seen.push_back(event.kv.mod_revision);
    return seen;
  }
  void settle() { server.world.run_for(std::chrono::milliseconds(50)); }
  InProcessDoor door() { return InProcessDoor(server.process.env().executor, server.service()); }
};

TEST_F(WatchServiceTest, PresentAndPast) {
  ASSERT_TRUE(server.put("a", "1").ok());
  const auto past = watch({.key = "a", .start_revision = 1});
  const auto present = watch({.key = "a"});
  ASSERT_TRUE(server.put("a", "2").ok());
  settle();
  EXPECT_TRUE(message(*past, 0).created);
  EXPECT_EQ(message(*past, 0).watch_id, WatchId(0));
  EXPECT_EQ(message(*present, 0).watch_id, WatchId(1));
  EXPECT_EQ(revisions(*past), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(revisions(*present), (std::vector<int64_t>{3}));
}

TEST_F(WatchServiceTest, RefusalsSayWhy) {
  const auto first = watch({.key = "a", .watch_id = WatchId(5)});
  const auto same = watch({.key = "a", .watch_id = WatchId(5)});
  EXPECT_TRUE(same->finished);
  EXPECT_EQ(message(*same, 0).cancel_reason, kWatchDuplicateId);
  EXPECT_EQ(message(*same, 0).watch_id, kNoWatch);
  const auto empty = watch({.key = "b", .range_end = "a"});
  EXPECT_TRUE(message(*empty, 0).created && message(*empty, 0).canceled);
  EXPECT_EQ(message(*empty, 0).cancel_reason, kWatchRangeEmpty);
  const auto negative = watch({.key = "b", .start_revision = -1});
  EXPECT_EQ(message(*negative, 0).cancel_reason, kWatchStartNegative);
  // Another caller has ids of its own.
  InProcessDoor other = server.another_caller(2);
  const auto elsewhere = other.start(WatchCreateRequest{.key = "a", .watch_id = WatchId(5)});
  settle();
  EXPECT_FALSE(elsewhere->finished);
}

TEST_F(WatchServiceTest, CancelEndsTheStreamThenAnswers) {
  const auto open = watch({.key = "a"});
  const auto canceled = server.ask_for<WatchResponse>(WatchCancelRequest{WatchId(0)});
  ASSERT_TRUE(canceled.ok());
  EXPECT_TRUE(canceled->canceled);
  ASSERT_TRUE(open->finished);
  EXPECT_TRUE(message(*open, open->answers.size() - 1).canceled);
  EXPECT_EQ(server.service().watches().callers(), 0U);
  const auto unknown = server.ask_for<WatchResponse>(WatchCancelRequest{WatchId(77)});
  ASSERT_TRUE(unknown.ok());
  EXPECT_FALSE(unknown->canceled);
}

TEST_F(WatchServiceTest, CompactedWatchEndsWithTheRevision) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(server.put("a", str_cat(i)).ok());
  ASSERT_TRUE(server.ask(CompactRequest{.revision = 5}).ok());
  const auto late = server.start(WatchCreateRequest{.key = "a", .start_revision = 2});
  server.world.run_until([&] { return late->finished; });
  EXPECT_TRUE(message(*late, 0).created);
  EXPECT_EQ(message(*late, 1).compact_revision, 5);
  EXPECT_TRUE(message(*late, 1).canceled);
}

// A watch without credit gets everything later, once, in order; meanwhile another one of its caller goes on.
TEST_F(WatchServiceTest, WithoutCreditItIsDetachedAndGoesOnWithoutGapOrDouble) {
  const auto slow = watch({.key = "a", .range_end = "b"});
  const auto fast = watch({.key = "a", .range_end = "b"});
  Random random(7);
  for (int round = 0; round < 60; ++round) {
    slow->credit_bytes = random.chance(1, 2) ? -1 : 1;
    TxnRequest txn;
    for (uint64_t i = 0; i < random.between(1, 5); ++i)
      txn.success.push_back({PutRequest{.key = str_cat("a", round, "/", i), .value = std::string(200, 'v')}});
    ASSERT_TRUE(server.ask(txn).ok());
    if (random.chance(1, 3)) settle();
    if (random.chance(1, 3)) door().give_credit(*slow, 300);
  }
  EXPECT_GT(server.service().watches().detachments(), 5U);
  settle();
  const std::vector<int64_t> all = revisions(*fast);
  EXPECT_GT(all.size(), 60U);
  slow->credit_bytes = 0;
  door().give_credit(*slow, 1 << 30);
  server.world.run_until([&] { return revisions(*slow).size() >= all.size(); });
  settle();
  EXPECT_EQ(revisions(*slow), all);
}

TEST_F(WatchServiceTest, ProgressComesAfterTheEventsAndWaitsForDetachedWatches) {
  const auto open = watch({.key = "a"});
  open->credit_bytes = -1;
  ASSERT_TRUE(server.put("a", "1").ok());
  settle();
  const auto progress = server.start(WatchProgressRequest{});
  settle();
  EXPECT_FALSE(progress->finished);
  EXPECT_TRUE(revisions(*open).empty());
  open->credit_bytes = 0;
  door().give_credit(*open, 1 << 20);
  server.world.run_until([&] { return progress->finished; });
  EXPECT_EQ(revisions(*open), (std::vector<int64_t>{2}));
  EXPECT_EQ(message(*progress, 0).watch_id, kNoWatch);
  EXPECT_EQ(message(*progress, 0).revision, 2);
}

TEST_F(WatchServiceTest, GoneCallersAreForgotten) {
  const auto open = watch({.key = "a"});
  EXPECT_EQ(server.service().watches().callers(), 1U);
  door().leave(*open);
  settle();
  EXPECT_EQ(server.service().watches().callers(), 0U);
  EXPECT_EQ(server.node().watches().metrics().watches, 0U);
}

}  // namespace
}  // namespace revd

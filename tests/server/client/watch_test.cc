#include "server/client/watch.h"

#include "mvcc/command/errors.h"
#include "tests/server/client/client_fixture.h"

namespace revd {
namespace {

class WatchTest : public ClientFixture {
 protected:
  std::unique_ptr<Watch> watch(BlockingClient& client, int64_t from = 0) {
    WatchCreateRequest request;
    request.range_end = std::string(1, '\0');
    request.start_revision = from;
    WatchHandlers handlers;
    handlers.started = [&](int64_t) { ++started; };
    handlers.events = [&](std::vector<Event> batch) {
      batches.push_back(batch.size());
      std::ranges::move(batch, std::back_inserter(events));
    };
    handlers.progress = [&](int64_t revision) { progress = revision; };
    handlers.ended = [&](const Error& why) { reason = why; };
    return std::make_unique<Watch>(client.async(), request, std::move(handlers));
  }
  int started = 0;
  std::vector<size_t> batches;
  std::vector<Event> events;
  int64_t progress = 0;
  std::optional<Error> reason;
};

TEST_F(WatchTest, FromNowSeesWhatComes) {
  BlockingClient client(host.env(), options());
  ASSERT_TRUE(client.call(put("before")).ok());
  const auto watching = watch(client);
  ASSERT_TRUE(until([&] { return started == 1; }));
  EXPECT_EQ(watching->next_revision(), 3);
  ASSERT_TRUE(client.call(put("a")).ok());
  ASSERT_TRUE(until([&] { return events.size() == 1; }));
  EXPECT_EQ(events[0].kv.key, "a");
  EXPECT_EQ(watching->next_revision(), 4);
}

TEST_F(WatchTest, FromThePastSeesHistory) {
  BlockingClient client(host.env(), options());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(client.call(put("k" + std::to_string(i))).ok());
  const auto watching = watch(client, 5);
  ASSERT_TRUE(until([&] { return events.size() == 7; }));
  EXPECT_EQ(events[0].kv.mod_revision, 5);
}

TEST_F(WatchTest, PiecesOfARevisionArePutTogether) {
  store.watch_fragment_events = 10;
  BlockingClient client(host.env(), options());
  const auto watching = watch(client);
  ASSERT_TRUE(until([&] { return started == 1; }));
  store.put_many(95, "many");
  ASSERT_TRUE(until([&] { return !batches.empty(); }));
  EXPECT_EQ(batches, std::vector<size_t>{95});
}

TEST_F(WatchTest, LostInTheMiddleOfARevisionItComesWholeAgain) {
  store.watch_fragment_events = 10;
  settings.answer_bytes_queued_max = 500;  // few pieces at a time
  open();
  BlockingClient client(host.env(), options());
  const auto watching = watch(client);
  ASSERT_TRUE(until([&] { return started == 1; }));
  const uint64_t before = door->counts().bytes_out;
  store.put_many(2000, "many");
  ASSERT_TRUE(until([&] { return door->counts().bytes_out > before + 20'000; }));
  ASSERT_TRUE(batches.empty());
  world.network().reset_all();
  ASSERT_TRUE(until([&] { return !batches.empty(); }));
  EXPECT_EQ(batches, std::vector<size_t>{2000});
  EXPECT_EQ(started, 2);
}

TEST_F(WatchTest, CompactedHistoryEndsIt) {
  BlockingClient client(host.env(), options());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(client.call(put("k")).ok());
  store.compacted = 8;
  const auto watching = watch(client, 5);
  ASSERT_TRUE(until([&] { return reason.has_value(); }));
  EXPECT_TRUE(is_api_error(*reason, ApiError::kCompacted));
  EXPECT_EQ(compact_revision_of(*reason), 8);
  EXPECT_TRUE(watching->ended());
}

TEST_F(WatchTest, CompactedWhileAwayEndsIt) {
  BlockingClient client(host.env(), options());
  const auto watching = watch(client);
  ASSERT_TRUE(until([&] { return started == 1; }));
  door.reset();
  for (int i = 0; i < 5; ++i) store.put_many(1, "k");
  store.compacted = 4;
  open();
  ASSERT_TRUE(until([&] { return reason.has_value(); }));
  EXPECT_EQ(compact_revision_of(*reason), 4);
  EXPECT_TRUE(events.empty());
}

TEST_F(WatchTest, RefusedWithTheServersReason) {
  store.intercept = [&](Call& call) {
    WatchResponse refused;
    refused.created = refused.canceled = true;
    refused.cancel_reason = std::string(kWatchRangeEmpty);
    call.reply->finish(store.header(), Response(refused));
    return true;
  };
  BlockingClient client(host.env(), options());
  const auto watching = watch(client);
  ASSERT_TRUE(until([&] { return reason.has_value(); }));
  EXPECT_EQ(reason->text(), kWatchRangeEmpty);
}

TEST_F(WatchTest, ProgressMovesTheResumePoint) {
  store.intercept = [&](Call& call) {
    WatchResponse created;
    created.created = true;
    created.revision = 1;
    call.reply->send(store.header(), Response(created));
    WatchResponse progressed;
    progressed.revision = 50;
    call.reply->send(store.header(), Response(progressed));
    static std::vector<Call> kept;
    kept.push_back(std::move(call));
    world.after(std::chrono::seconds(1), [] { kept.clear(); });
    return true;
  };
  BlockingClient client(host.env(), options());
  const auto watching = watch(client);
  ASSERT_TRUE(until([&] { return progress == 50; }));
  EXPECT_EQ(watching->next_revision(), 51);
  store.intercept = nullptr;
  wait_ms(2000);
}

TEST_F(WatchTest, DestroyedWatchIsCancelledOnTheServer) {
  BlockingClient client(host.env(), options());
  auto watching = watch(client);
  ASSERT_TRUE(until([&] { return started == 1; }));
  watching.reset();
  wait_ms(100);
  ASSERT_TRUE(client.call(put("a")).ok());
  wait_ms(100);
  EXPECT_TRUE(events.empty());
}

TEST_F(WatchTest, MayBeDestroyedInsideItsCallback) {
  BlockingClient client(host.env(), options());
  std::unique_ptr<Watch> watching;
  WatchHandlers handlers;
  int got = 0;
  handlers.events = [&](const std::vector<Event>&) {
    ++got;
    watching.reset();
  };
  WatchCreateRequest request;
  request.range_end = std::string(1, '\0');
  watching = std::make_unique<Watch>(client.async(), request, std::move(handlers));
  wait_ms(10);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client.call(put("k")).ok());
  wait_ms(100);
  EXPECT_EQ(got, 1);
}

TEST(WatchRandom, ResumesWithoutAGapOrADouble) {
  uint64_t resumed = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    SimWorld world(seed);
    SimProcess& server = world.add_process("server");
    SimProcess& host = world.add_process("client");
    FakeStore store;
    store.watch_fragment_events = 1 + world.random().below(20);
    DoorSettings settings;
    settings.answer_bytes_queued_max = 2000;
    std::unique_ptr<Door> door;
    const auto open = [&] {
      door = std::make_unique<Door>(server.env(), store, settings,
                                    DoorIdentity{"0.1.0", ClusterId(77), NodeId(1)});
      CHECK(door->listen({"0.0.0.0", 7480}).ok());
    };
    open();
    ClientOptions options;
    options.endpoints = {{"server", 7480}};
    BlockingClient client(host.env(), options);
    std::vector<Event> events;
    int64_t last_revision = 0;
    WatchHandlers handlers;
    handlers.started = [&](int64_t) { ++resumed; };
    handlers.events = [&](std::vector<Event> batch) {
      EXPECT_GT(batch.front().kv.mod_revision, last_revision);  // whole revisions
      last_revision = batch.back().kv.mod_revision;
      std::ranges::move(batch, std::back_inserter(events));
    };
    WatchCreateRequest request;
    request.range_end = std::string(1, '\0');
    request.start_revision = 2;
    const Watch watching(client.async(), request, std::move(handlers));
    world.network().faults.reset = 0.02;
    world.network().faults.tiny_reads = 0.2;
    constexpr int kRevisions = 200;
    for (int i = 0; i < kRevisions; ++i)
      world.after(std::chrono::milliseconds(i * 5),
                  [&] { store.put_many(1 + world.random().below(60), "k"); });
    world.after(std::chrono::milliseconds(500), [&] {
      door.reset();
      world.after(std::chrono::milliseconds(50), open);
    });
    EXPECT_TRUE(world.run_until([&] { return last_revision == 1 + kRevisions; }));
    EXPECT_EQ(events, store.history);
  }
  EXPECT_GT(resumed, 200U);
}

}  // namespace
}  // namespace revd

#include "server/client/client.h"

#include "mvcc/command/errors.h"
#include "tests/server/client/client_fixture.h"

namespace revd {
namespace {

class ClientTest : public ClientFixture {};

TEST_F(ClientTest, PutAndRange) {
  BlockingClient client(host.env(), options());
  const auto done = client.call(put("a", "1"));
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->revision, 2);
  const auto range = client.call(all());
  ASSERT_TRUE(range.ok());
  ASSERT_EQ(range->kvs.size(), 1U);
  EXPECT_EQ(range->kvs[0].value, "1");
}

TEST_F(ClientTest, ServersErrorComesWordForWord) {
  store.intercept = [&](Call& call) {
    if (!std::holds_alternative<RangeRequest>(call.request)) return false;
    call.reply->finish(store.header(), compacted_error(42));
    return true;
  };
  BlockingClient client(host.env(), options());
  const auto range = client.call(all());
  ASSERT_FALSE(range.ok());
  EXPECT_TRUE(is_api_error(range.error(), ApiError::kCompacted));
  EXPECT_EQ(compact_revision_of(range.error()), 42);
}

TEST_F(ClientTest, WithoutAServerTheDeadlineIsDefinite) {
  door.reset();
  BlockingClient client(host.env(), options());
  CallOptions short_call;
  short_call.timeout_ms = 300;
  const auto done = client.call(put("a"), short_call);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code(), ErrorCode::kDeadlineExceeded);
  EXPECT_FALSE(outcome_unknown(done.error()));
  EXPECT_NE(done.error().text().find("refused"), std::string::npos);
  open();
  EXPECT_TRUE(client.call(put("b")).ok());
}

TEST_F(ClientTest, CallsWaitForTheServerToStart) {
  door.reset();
  BlockingClient client(host.env(), options());
  world.after(std::chrono::seconds(3), [&] { open(); });
  EXPECT_TRUE(client.call(put("a")).ok());
}

TEST_F(ClientTest, ReadIsRepeatedAfterALostConnection) {
  BlockingClient client(host.env(), options());
  ASSERT_TRUE(client.call(put("a")).ok());
  int seen = 0;
  store.intercept = [&](Call& call) {
    if (!std::holds_alternative<RangeRequest>(call.request) || ++seen > 2) return false;
    world.network().reset_all();
    return false;
  };
  EXPECT_TRUE(client.call(all()).ok());
  EXPECT_EQ(seen, 3);
}

TEST_F(ClientTest, WriteInASessionIsAppliedOnce) {
  BlockingClient client(host.env(), options());
  int seen = 0;
  store.intercept = [&](Call& call) {
    // The put is applied, and its answer lost.
    if (std::holds_alternative<PutRequest>(call.request) && ++seen <= 3) world.network().reset_all();
    return false;
  };
  const auto done = client.call(put("a"));
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->revision, 2);
  EXPECT_EQ(store.applied, 1U);
  EXPECT_EQ(store.duplicates, 3U);
}

TEST_F(ClientTest, WriteWithoutASessionIsSentOnceAndUnknown) {
  BlockingClient client(host.env(), options());
  ASSERT_TRUE(client.call(put("before")).ok());
  store.intercept = [&](Call& call) {
    if (std::holds_alternative<PutRequest>(call.request)) world.network().reset_all();
    return false;
  };
  CallOptions plain;
  plain.in_session = false;
  const auto done = client.call(put("a"), plain);
  ASSERT_FALSE(done.ok());
  EXPECT_TRUE(outcome_unknown(done.error()));
  EXPECT_EQ(store.applied, 2U);
  EXPECT_EQ(client.async().counts().unknown, 1U);
}

TEST_F(ClientTest, WriteThatAStoppingServerNeverBeganIsRepeated) {
  BlockingClient client(host.env(), options());
  ASSERT_TRUE(client.call(put("before")).ok());
  door->drain([] {});
  world.after(std::chrono::seconds(1), [&] { open(); });
  CallOptions plain;
  plain.in_session = false;
  EXPECT_TRUE(client.call(put("a"), plain).ok());
  EXPECT_EQ(store.applied, 2U);
}

TEST_F(ClientTest, UnansweredWriteTimesOutUnknown) {
  store.intercept = [&](Call& call) {
    if (!std::holds_alternative<PutRequest>(call.request)) return false;
    static std::vector<Call> kept;
    kept.push_back(std::move(call));
    world.after(std::chrono::seconds(20), [] { kept.clear(); });
    return true;
  };
  BlockingClient client(host.env(), options());
  CallOptions short_call;
  short_call.timeout_ms = 500;
  const auto done = client.call(put("a"), short_call);
  ASSERT_FALSE(done.ok());
  EXPECT_TRUE(outcome_unknown(done.error()));
  wait_ms(30'000);
}

TEST_F(ClientTest, TooManyRequestsAreRepeatedLater) {
  int refused = 0;
  store.intercept = [&](Call& call) {
    if (!std::holds_alternative<PutRequest>(call.request) || ++refused > 5) return false;
    call.reply->finish(store.header(), api_error(ApiError::kTooManyRequests));
    return true;
  };
  BlockingClient client(host.env(), options());
  CallOptions plain;
  plain.in_session = false;
  EXPECT_TRUE(client.call(put("a"), plain).ok());
  EXPECT_EQ(store.applied, 1U);
}

TEST_F(ClientTest, ForgottenSessionIsOpenedAnew) {
  BlockingClient client(host.env(), options());
  ASSERT_TRUE(client.call(put("a")).ok());
  const SessionId first = client.async().session();
  store.forget_sessions();
  EXPECT_TRUE(client.call(put("b")).ok());
  EXPECT_NE(client.async().session(), first);
  EXPECT_EQ(store.applied, 2U);
}

TEST_F(ClientTest, WriteWhoseSessionDiedInBetweenIsUnknown) {
  BlockingClient client(host.env(), options());
  ASSERT_TRUE(client.call(put("a")).ok());
  store.intercept = [&](Call& call) {
    if (!std::holds_alternative<PutRequest>(call.request)) return false;
    store.intercept = nullptr;
    world.after(Duration(0), [&] { store.forget_sessions(); });
    world.network().reset_all();
    return false;  // applied, the answer lost, then the session
  };
  const auto done = client.call(put("b"));
  ASSERT_FALSE(done.ok());
  EXPECT_TRUE(outcome_unknown(done.error()));
  EXPECT_EQ(store.applied, 2U);
  EXPECT_TRUE(client.call(put("c")).ok());
}

TEST_F(ClientTest, IdleSessionIsKeptAlive) {
  ClientOptions with_short_session = options();
  with_short_session.session_ttl_ms = 3000;
  BlockingClient client(host.env(), with_short_session);
  ASSERT_TRUE(client.call(put("a")).ok());
  wait_ms(20'000);
  EXPECT_GE(store.keep_alives, 15U);
}

TEST_F(ClientTest, WindowBoundsWritesInFlight) {
  std::vector<Call> kept;
  size_t most = 0;
  store.intercept = [&](Call& call) {
    if (!std::holds_alternative<PutRequest>(call.request)) return false;
    kept.push_back(std::move(call));
    most = std::max(most, kept.size());
    if (kept.size() == 1) {
      world.after(std::chrono::milliseconds(5), [&] {
        const auto hook = std::exchange(store.intercept, nullptr);
        for (Call& one : std::exchange(kept, {})) store.start(std::move(one));
        store.intercept = hook;
      });
    }
    return true;
  };
  ClientOptions narrow = options();
  narrow.session_window = 8;
  BlockingClient client(host.env(), narrow);
  int ok = 0;
  for (int i = 0; i < 100; ++i)
    client.async().call(put("k"), {},
                        [&](Result<PutResponse> done, const AnswerHeader&) { ok += done.ok() ? 1 : 0; });
  ASSERT_TRUE(client.wait_in_flight_below(1).ok());
  EXPECT_EQ(ok, 100);
  EXPECT_LE(most, 8U);
  EXPECT_GT(most, 4U);
}

TEST_F(ClientTest, OversizeRequestNeedsNoConnectionToBreak) {
  BlockingClient client(host.env(), options());
  const auto done = client.call(put("a", std::string(4 << 20, 'x')));
  ASSERT_FALSE(done.ok());
  EXPECT_TRUE(is_api_error(done.error(), ApiError::kRequestTooLarge));
  EXPECT_TRUE(client.call(put("b")).ok());
  EXPECT_EQ(door->counts().accepted, 1U);
}

TEST_F(ClientTest, PipelinedPutsShareTheConnection) {
  BlockingClient client(host.env(), options());
  int ok = 0;
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(client.wait_in_flight_below(200).ok());
    client.async().call(put("k" + std::to_string(i)), {},
                        [&](Result<PutResponse> done, const AnswerHeader&) { ok += done.ok() ? 1 : 0; });
  }
  ASSERT_TRUE(client.wait_in_flight_below(1).ok());
  EXPECT_EQ(ok, 5000);
  EXPECT_EQ(store.applied, 5000U);
  EXPECT_LT(door->counts().reads, 2500U);
}

TEST_F(ClientTest, SecondEndpointTakesOver) {
  ClientOptions two = options();
  two.endpoints.insert(two.endpoints.begin(), Address{"nobody", 1});
  BlockingClient client(host.env(), two);
  EXPECT_TRUE(client.call(put("a")).ok());
}

TEST_F(ClientTest, SilentServerIsGivenUpForAnother) {
  SimProcess& other_host = world.add_process("other");
  Door other(other_host.env(), store, settings, DoorIdentity{"0.1.0", ClusterId(77), NodeId(2)});
  ASSERT_TRUE(other.listen({"0.0.0.0", 7480}).ok());
  ClientOptions two = options();
  two.endpoints.push_back({"other", 7480});
  BlockingClient client(host.env(), two);
  ASSERT_TRUE(client.call(put("a")).ok());
  world.network().clog("server", "client");
  CallOptions long_call;
  long_call.timeout_ms = 60'000;
  EXPECT_TRUE(client.call(put("b"), long_call).ok());
  EXPECT_EQ(client.async().link()->address().host, "other");
  EXPECT_EQ(store.applied, 2U);
}

TEST_F(ClientTest, ServerOfAnotherClusterIsPassedOver) {
  SimProcess& foreign_host = world.add_process("foreign");
  FakeStore foreign_store(ClusterId(5));
  Door foreign(foreign_host.env(), foreign_store, settings, DoorIdentity{"0.1.0", ClusterId(5), NodeId(1)});
  ASSERT_TRUE(foreign.listen({"0.0.0.0", 7480}).ok());
  ClientOptions two = options();
  two.endpoints.push_back({"foreign", 7480});
  BlockingClient client(host.env(), two);
  ASSERT_TRUE(client.call(put("a")).ok());
  world.network().reset_all();  // the next one tried is the foreign one
  EXPECT_TRUE(client.call(put("b")).ok());
  EXPECT_EQ(store.applied, 2U);
  EXPECT_EQ(foreign_store.applied, 0U);
}

TEST_F(ClientTest, FollowsTheLeader) {
  SimProcess& leader_host = world.add_process("leader");
  FakeStore leader_store;
  Door leader(leader_host.env(), leader_store, settings, DoorIdentity{"0.1.0", ClusterId(77), NodeId(2)});
  ASSERT_TRUE(leader.listen({"0.0.0.0", 7480}).ok());
  store.intercept = [&](Call& call) {
    call.reply->finish(store.header(), not_leader_error("leader:7480"));
    return true;
  };
  BlockingClient client(host.env(), options());
  EXPECT_TRUE(client.call(put("a")).ok());
  EXPECT_EQ(leader_store.applied, 1U);
}

TEST_F(ClientTest, LeaseKeeperKeepsAndTellsOfLoss) {
  BlockingClient client(host.env(), options());
  store.leases = {{1, 3000}, {2, 6000}};
  LeaseKeeper keeper(client.async());
  std::vector<LeaseId> lost;
  const auto note = [&](LeaseId lease) { lost.push_back(lease); };
  keeper.keep(LeaseId(1), 3000, note);
  keeper.keep(LeaseId(2), 6000, note);
  wait_ms(10'000);
  EXPECT_GE(store.keep_alives, 8U);
  EXPECT_LE(store.keep_alives, 12U);
  EXPECT_TRUE(lost.empty());
  store.leases.erase(1);
  wait_ms(2000);
  EXPECT_EQ(lost, std::vector{LeaseId(1)});
  keeper.release(LeaseId(2));
  EXPECT_EQ(keeper.size(), 0U);
}

TEST_F(ClientTest, SnapshotIsCheckedByItsHash) {
  BlockingClient client(host.env(), options());
  std::string got;
  const auto take = [&](std::string_view data, uint64_t offset, const SnapshotInfo&) {
    EXPECT_EQ(offset, got.size());
    got += data;
  };
  const auto info = client.snapshot(take);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->total_bytes, store.snapshot.size());
  EXPECT_EQ(got, store.snapshot);
  store.damage_snapshot = true;
  got.clear();
  EXPECT_EQ(client.snapshot(take).error().code(), ErrorCode::kDataLoss);
  store.damage_snapshot = false;
  got.clear();
  const auto broken = client.snapshot([&](std::string_view data, uint64_t, const SnapshotInfo&) {
    if (got.empty()) world.network().reset_all();
    got += data;
  });
  EXPECT_EQ(broken.error().code(), ErrorCode::kUnavailable);
}

// Writers over a network that resets connections at random, a server that restarts: each write whose
// answer came is applied exactly once, each other one at most once.
uint64_t run_random_resets(uint64_t seed) {
  SimWorld world(seed);
  SimProcess& server = world.add_process("server");
  SimProcess& host = world.add_process("client");
  FakeStore store;
  DoorSettings settings;
  std::unique_ptr<Door> door;
  const auto open = [&] {
    door = std::make_unique<Door>(server.env(), store, settings,
                                  DoorIdentity{"0.1.0", ClusterId(77), NodeId(1)});
    CHECK(door->listen({"0.0.0.0", 7480}).ok());
  };
  open();
  ClientOptions options;
  options.endpoints = {{"server", 7480}};
  options.session_window = 16;
  std::vector<std::unique_ptr<BlockingClient>> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(std::make_unique<BlockingClient>(host.env(), options));
  std::map<std::string, int> outcome;  // 1 ok, 2 unknown, 3 definite failure
  world.network().faults.reset = 0.01;
  world.network().faults.tiny_reads = 0.1;
  size_t done = 0;
  constexpr size_t kWrites = 300;
  for (size_t i = 0; i < kWrites; ++i) {
    const std::string key = "k" + std::to_string(i);
    world.after(std::chrono::milliseconds(i * 3), [&, key, i] {
      PutRequest put;
      put.key = key;
      CallOptions call;
      call.in_session = i % 5 != 0;
      call.timeout_ms = 4000;
      clients[i % clients.size()]->async().call(
          put, call, [&, key](Result<PutResponse> result, const AnswerHeader&) {
            ++done;
            outcome[key] = result.ok() ? 1 : outcome_unknown(result.error()) ? 2 : 3;
          });
    });
  }
  for (int i = 0; i < 3; ++i) {
    world.after(std::chrono::milliseconds(world.random().below(1000)), [&] {
      door.reset();
      world.after(std::chrono::milliseconds(world.random().below(300)), open);
    });
  }
  EXPECT_TRUE(world.run_until([&] { return done == kWrites; }));
  std::map<std::string, int> applied;
  for (const Event& event : store.history) ++applied[event.kv.key];
  size_t ok = 0;
  for (const auto& [key, how] : outcome) {
    EXPECT_GE(applied[key], how == 1 ? 1 : 0) << key;
    EXPECT_LE(applied[key], how == 3 ? 0 : 1) << key;
    ok += how == 1 ? 1 : 0;
  }
  EXPECT_GT(ok, kWrites * 3 / 4);
  clients.clear();
  return world.event_hash();
}

TEST(ClientRandom, EachWriteIsAppliedOnceWhateverBreaks) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    run_random_resets(seed);
  }
}

TEST(ClientRandom, SameSeedSameHash) { EXPECT_EQ(run_random_resets(7), run_random_resets(7)); }

}  // namespace
}  // namespace revd

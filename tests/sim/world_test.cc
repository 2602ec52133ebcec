// SimWorld: determinism, lives and crashes, clocks, pauses.
#include "tests/sim/world.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/sim/disk_fixture.h"

namespace revd {
namespace {

using namespace std::chrono_literals;

// Two nodes that write files, talk, log and use timers and workers for a while, with faults and a
// crash, all drawn from the world's seed.
class Bustle {
 public:
  explicit Bustle(uint64_t seed) : world_(seed) {
    for (const char* host : {"a", "b"}) {
      SimProcess& node = world_.add_process(host);
      node.disk().faults = {
          .slow = 0.02, .slow_max = 50ms, .read_error = 0.05, .write_error = 0.05, .rot = 0.05};
      listeners_.push_back(*node.env().network.listen(
          {.host = host, .port = 1},
          [this](std::unique_ptr<Connection> c) { kept_.push_back(std::move(c)); }));
      nodes_.push_back(&node);
      tick(node);
    }
    world_.network().faults = {.slow = 0.1, .lost = 0.05, .reset = 0.01};
    world_.after(200ms, [this] { nodes_[1]->power_cut(); });
    world_.after(300ms, [this] {
      nodes_[1]->start();
      tick(*nodes_[1]);
    });
    world_.run_for(1s);
  }
  uint64_t hash() const { return world_.event_hash(); }
  std::string contents() {
    std::string text;
    for (SimProcess* node : nodes_)
      for (const std::string& path : node->medium().files()) text += path + node->medium().read(path);
    return text;
  }
  uint64_t events() { return world_.loop().events(); }

 private:
  void tick(SimProcess& node) {
    Env& env = node.env();
    env.executor.schedule(Duration(static_cast<int64_t>(env.random.below(20'000'000))), [this, &node, &env] {
      const std::string path = "/f" + std::to_string(env.random.below(3));
      const Result<OpenedFile> opened = open_file(env.disk, path, {.create = true});
      AlignedBuffer buffer(kIoAlignment);
      env.random.fill(buffer.span());
      if (opened.ok()) {
        const uint64_t offset = env.random.below(8) * kIoAlignment;
        const Status written =
            write_fully(env.disk, opened->file, offset, buffer.span(), env.random.chance(1, 2));
        env.logger.info("bustle", "wrote", {{"ok", written.ok() ? "yes" : "no"}});
      }
      env.executor.run_on_worker([] {}, [] {});
      env.network.connect({.host = node.host() == "a" ? "b" : "a", .port = 1},
                          [this](Result<std::unique_ptr<Connection>> made) {
                            if (!made.ok()) return;
                            static constexpr std::string_view kText = "hello";
                            const ByteSpan piece = as_bytes(kText);
                            kept_.push_back(std::move(*made));
                            kept_.back()->write({&piece, 1}, [](const Status&) {});
                          });
      tick(node);
    });
  }

  SimWorld world_;
  std::vector<SimProcess*> nodes_;
  std::vector<std::unique_ptr<Connection>> kept_;
  std::vector<std::unique_ptr<Listener>> listeners_;
};

TEST(SimWorld, TheSameSeedGivesTheSameHistory) {
  std::set<uint64_t> hashes;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Bustle first(seed);
    Bustle second(seed);
    EXPECT_EQ(first.hash(), second.hash());
    EXPECT_TRUE(first.contents() == second.contents());
    EXPECT_EQ(first.events(), second.events());
    EXPECT_GT(first.events(), 200U);
    hashes.insert(first.hash());
  }
  EXPECT_EQ(hashes.size(), 10U);
}

// The hash sees the bytes written, not only that something was written.
TEST(SimWorld, TheEventHashCoversContent) {
  const auto hash_of = [](char fill) {
    SimWorld world(1);
    SimProcess& node = world.add_process("n1");
    const Result<OpenedFile> opened = open_file(node.disk(), "/a", {.create = true});
    AlignedBuffer buffer(kIoAlignment);
    std::fill_n(buffer.data(), kIoAlignment, static_cast<std::byte>(fill));
    EXPECT_TRUE(write_fully(node.disk(), opened->file, 0, buffer.span(), true).ok());
    return world.event_hash();
  };
  EXPECT_EQ(hash_of('x'), hash_of('x'));
  EXPECT_NE(hash_of('x'), hash_of('y'));
}

TEST(SimWorld, NothingLeftToDoIsFalse) {
  SimWorld world(1);
  SimProcess& node = world.add_process("n1");
  EXPECT_FALSE(world.run_until([] { return false; }));
  EXPECT_FALSE(node.executor().run_until([] { return false; }));
  int ran = 0;
  std::function<void()> again = [&] {
    ++ran;
    node.executor().post([&] { again(); });
  };
  again();
  node.executor().events_max = 100;
  EXPECT_FALSE(node.executor().run_until([] { return false; })) << "going round in circles ends too";
  EXPECT_EQ(ran, 101);
}

TEST(SimWorld, ADeadLifeIsNeverCalledAndMayBeTakenApart) {
  SimWorld world(1);
  SimProcess& node = world.add_process("n1");
  int calls = 0;
  auto timer = std::make_unique<Timer>(node.executor());
  timer->start(10ms, [&] { ++calls; });
  node.executor().post([&] { ++calls; });
  node.executor().run_on_worker([&] { ++calls; }, [&] { ++calls; });
  // A task that owns something which talks to its Env when it goes.
  auto owned = std::make_shared<Timer>(node.executor());
  owned->start(20ms, [&] { ++calls; });
  node.executor().schedule(5ms, [owned] {});
  owned.reset();
  Result<std::unique_ptr<Listener>> listener =
      node.env().network.listen({.host = "n1", .port = 5}, [&](std::unique_ptr<Connection>) { ++calls; });
  ASSERT_TRUE(listener.ok());
  Env& old_env = node.env();
  node.power_cut();
  EXPECT_FALSE(node.running());
  EXPECT_FALSE(old_env.executor.run_until([] { return false; }));
  node.start();
  EXPECT_TRUE(node.env().network.listen({.host = "n1", .port = 5}, [](std::unique_ptr<Connection>) {}).ok());
  old_env.executor.post([&] { ++calls; });
  old_env.executor.schedule(1ms, [&] { ++calls; });
  old_env.network.connect({.host = "n1", .port = 5}, [&](Result<std::unique_ptr<Connection>>) { ++calls; });
  timer.reset();
  *listener = nullptr;
  world.run_for(1s);
  EXPECT_EQ(calls, 0);
  bool alive = false;
  node.executor().post([&] { alive = true; });
  EXPECT_TRUE(node.executor().run_until([&] { return alive; }));
}

TEST(SimWorld, APausedProcessStandsStill) {
  SimWorld world(1);
  SimProcess& node = world.add_process("n1");
  std::vector<int> order;
  Timer cancelled(node.executor());
  cancelled.start(15ms, [&] { order.push_back(99); });
  for (const int delay : {30, 10, 20})
    node.executor().schedule(std::chrono::milliseconds(delay), [&order, delay] { order.push_back(delay); });
  node.pause();
  world.run_for(1s);
  EXPECT_TRUE(order.empty());
  cancelled.stop();
  node.resume();
  world.run_for(1ms);
  EXPECT_EQ(order, (std::vector<int>{10, 20, 30}));
}

TEST(SimClock, DriftChangesTimersAndTime) {
  SimWorld world(1);
  SimProcess& fast = world.add_process("fast");
  SimProcess& slow = world.add_process("slow");
  fast.clock().set_rate(1.1);
  slow.clock().set_rate(0.9);
  const Instant fast_start = fast.clock().now();
  const Instant slow_start = slow.clock().now();
  Duration fast_ran{};
  Duration slow_ran{};
  fast.executor().schedule(99s, [&] { fast_ran = world.now(); });
  slow.executor().schedule(99s, [&] { slow_ran = world.now(); });
  world.run_for(200s);
  EXPECT_NEAR(static_cast<double>(fast_ran.count()), 90e9, 1e3);
  EXPECT_NEAR(static_cast<double>(slow_ran.count()), 110e9, 1e3);
  EXPECT_NEAR(static_cast<double>((fast.clock().now() - fast_start).count()), 220e9, 1e3);
  EXPECT_NEAR(static_cast<double>((slow.clock().now() - slow_start).count()), 180e9, 1e3);
}

TEST(SimClock, ASlowedClockMakesTimersWait) {
  SimWorld world(1);
  SimProcess& node = world.add_process("n1");
  const Instant start = node.clock().now();
  bool early = false;
  bool ran = false;
  node.executor().schedule(10s, [&] {
    ran = true;
    early = node.clock().now() < start + 10s;
  });
  world.run_for(5s);
  node.clock().set_rate(0.5);
  world.run_for(6s);
  EXPECT_FALSE(ran);
  world.run_for(10s);
  EXPECT_TRUE(ran);
  EXPECT_FALSE(early);
}

TEST(SimClock, JumpsNeverTurnTheMonotonicTimeBack) {
  SimWorld world(1);
  SimClock& clock = world.add_process("n1").clock();
  const Instant start = clock.now();
  const int64_t wall = clock.wall_time_ns();
  clock.jump_wall(-1h);
  EXPECT_EQ(clock.now(), start);
  EXPECT_EQ(clock.wall_time_ns(), wall - Duration(1h).count());
  clock.jump_forward(1h);
  EXPECT_EQ(clock.now(), start + 1h);
  EXPECT_EQ(clock.wall_time_ns(), wall);
}

TEST(SimLogger, KeepsTheLastLines) {
  SimWorld world(1);
  SimProcess& node = world.add_process("n1");
  node.logger().lines_max = 2;
  for (const char* text : {"1", "2", "3"}) node.env().logger.warning("part", "event", {{"n", text}});
  EXPECT_EQ(world.logs(), "0.000000000 n1 W part: event n=2\n0.000000000 n1 W part: event n=3\n");
  EXPECT_EQ(node.logger().count("n=3"), 1U);
}

}  // namespace
}  // namespace revd

#include "base/linux/event_loop.h"

#include <csignal>
#include <thread>

#include "base/linux/signals.h"
#include "tests/base/linux/env_fixture.h"

namespace revd {
namespace {

class EventLoop : public testing::TestWithParam<DiskChoice> {
 protected:
  Executor& executor() { return env_->env().executor; }
  std::unique_ptr<LinuxEnv> env_ = make_env(GetParam());
};

TEST_P(EventLoop, PostsFromManyThreadsAllRunOnceAndInOrder) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  std::vector<int> next(kThreads, 0);
  int ran = 0;
  bool ordered = true;
  {
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (int thread = 0; thread < kThreads; ++thread)
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kEach; ++i)
          executor().post([&, thread, i] {
            ordered = ordered && next[static_cast<size_t>(thread)]++ == i;
            ++ran;
          });
      });
    EXPECT_TRUE(executor().run_until([&] { return ran == kThreads * kEach; }));
  }
  EXPECT_TRUE(ordered);
}

TEST_P(EventLoop, StopFromAnotherThreadEndsASleepingLoopOnce) {
  std::jthread other([&] { env_->stop(); });
  EXPECT_FALSE(executor().run_until([] { return false; }));
  bool ran = false;
  executor().post([&] { ran = true; });
  EXPECT_TRUE(executor().run_until([&] { return ran; }));
}

TEST_P(EventLoop, SignalStopsTheLoop) {
  const StopOnSignals guard(*env_);
  executor().schedule(std::chrono::milliseconds(1), [] { raise(SIGTERM); });
  EXPECT_FALSE(executor().run_until([] { return false; }));
}

TEST_P(EventLoop, WorkRunsOffTheReactorAndItsCapturesGoBeforeDone) {
  const std::thread::id reactor = std::this_thread::get_id();
  auto held = std::make_shared<int>(1);
  std::thread::id worker = reactor;
  long uses = 0;
  executor().run_on_worker([&worker, held] { worker = std::this_thread::get_id(); },
                           [&] { uses = held.use_count(); });
  EXPECT_TRUE(executor().run_until([&] { return uses > 0; }));
  EXPECT_NE(worker, reactor);
  EXPECT_EQ(uses, 1);
}

TEST_P(EventLoop, TwoWorkersRunAtTheSameTime) {
  std::atomic<bool> first_waits = true;
  int done = 0;
  executor().run_on_worker([&] { first_waits.wait(true); }, [&] { ++done; });
  executor().run_on_worker(
      [&] {
        first_waits = false;
        first_waits.notify_all();
      },
      [&] { ++done; });
  EXPECT_TRUE(executor().run_until([&] { return done == 2; }));
}

TEST_P(EventLoop, DestructionDropsWhatWasNotRun) {
  auto held = std::make_shared<int>(1);
  executor().post([held] { FAIL(); });
  executor().schedule(std::chrono::hours(1), [held] { FAIL(); });
  executor().run_on_worker([held] {}, [held] { FAIL(); });
  env_.reset();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_P(EventLoop, AnEndlessDelayIsAccepted) {
  const Executor::TimerId timer = executor().schedule(Duration::max(), [] { FAIL(); });
  bool ran = false;
  executor().schedule(std::chrono::microseconds(10), [&] { ran = true; });
  EXPECT_TRUE(executor().run_until([&] { return ran; }));
  EXPECT_TRUE(executor().cancel(timer));
}

TEST_P(EventLoop, ATaskThatPostsItselfLetsTimersThrough) {
  bool fired = false;
  std::function<void()> again = [&] {
    if (!fired) executor().post([&] { again(); });
  };
  again();
  executor().schedule(std::chrono::milliseconds(1), [&] { fired = true; });
  EXPECT_TRUE(executor().run_until([&] { return fired; }));
}

INSTANTIATE_TEST_SUITE_P(Disks, EventLoop, testing::ValuesIn(disks_to_test()), disk_name);

}  // namespace
}  // namespace revd

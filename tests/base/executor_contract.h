// What base/executor.h promises, for every Executor. See contract_env.h for how to run it.
// Posting from other threads is tested where there are threads (tests/base/linux).
#pragma once

#include <memory>
#include <vector>

#include "base/executor.h"
#include "tests/base/contract_env.h"

namespace revd {

class ExecutorContract : public ContractTest {
 protected:
  static constexpr Duration ms(int64_t count) { return std::chrono::milliseconds(count); }
};

TEST_P(ExecutorContract, PostedTasksRunLaterInOrder) {
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) {
    executor().post([&order, i, this] {
      order.push_back(i);
      if (i == 0) executor().post([&order] { order.push_back(100); });
    });
  }
  EXPECT_TRUE(order.empty());
  ASSERT_TRUE(run_until([&] { return order.size() == 101; }));
  for (int i = 0; i <= 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST_P(ExecutorContract, RunUntilAsksAfterTheTasksOfARound) {
  bool ran = false;
  executor().post([&] { ran = true; });
  ASSERT_TRUE(run_until([&] { return ran; }));
}

TEST_P(ExecutorContract, TimersRunInOrderOfTheirTimesAndNotEarly) {
  const Instant start = env().clock.now();
  std::vector<int> order;
  std::vector<Duration> at;
  for (const int delay : {30, 10, 20, 0}) {
    executor().schedule(ms(delay), [&, delay] {
      order.push_back(delay);
      at.push_back(env().clock.now() - start);
    });
  }
  EXPECT_TRUE(order.empty()) << "a timer never runs inside schedule()";
  ASSERT_TRUE(run_until([&] { return order.size() == 4; }));
  EXPECT_EQ(order, (std::vector<int>{0, 10, 20, 30}));
  for (size_t i = 0; i < order.size(); ++i) EXPECT_GE(at[i], ms(order[i]));
}

TEST_P(ExecutorContract, ACancelledTimerDoesNotRun) {
  bool cancelled_ran = false;
  bool other_ran = false;
  const Executor::TimerId id = executor().schedule(ms(1), [&] { cancelled_ran = true; });
  const Executor::TimerId other = executor().schedule(ms(5), [&] { other_ran = true; });
  EXPECT_NE(id, 0U);
  EXPECT_NE(id, other);
  EXPECT_TRUE(executor().cancel(id));
  ASSERT_TRUE(run_until([&] { return other_ran; }));
  EXPECT_FALSE(cancelled_ran);
  EXPECT_FALSE(executor().cancel(other)) << "it ran already";
  EXPECT_FALSE(executor().cancel(id));
}

TEST_P(ExecutorContract, ATimerCancelsAnotherOneOfTheSameInstant) {
  int ran = 0;
  bool later = false;
  Executor::TimerId first = 0;
  Executor::TimerId second = 0;
  first = executor().schedule(ms(2), [&] {
    ++ran;
    executor().cancel(second);
  });
  second = executor().schedule(ms(2), [&] {
    ++ran;
    executor().cancel(first);
  });
  executor().schedule(ms(10), [&] { later = true; });
  ASSERT_TRUE(run_until([&] { return later; }));
  EXPECT_EQ(ran, 1);
}

TEST_P(ExecutorContract, TimerRestartsInsideItsOwnCallback) {
  Timer timer(executor());
  int ticks = 0;
  std::function<void()> tick = [&] {
    EXPECT_FALSE(timer.running());
    if (++ticks < 5) timer.start(ms(1), [&] { tick(); });
  };
  timer.start(ms(1), [&] { tick(); });
  EXPECT_TRUE(timer.running());
  ASSERT_TRUE(run_until([&] { return ticks == 5; }));
  EXPECT_FALSE(timer.running());
}

TEST_P(ExecutorContract, ARestartedTimerForgetsItsEarlierStart) {
  Timer timer(executor());
  Timer last(executor());
  std::vector<int> ran;
  timer.start(ms(1), [&] { ran.push_back(1); });
  timer.start(ms(3), [&] { ran.push_back(2); });
  last.start(ms(10), [&] { ran.push_back(3); });
  ASSERT_TRUE(run_until([&] { return !last.running(); }));
  EXPECT_EQ(ran, (std::vector<int>{2, 3}));
}

TEST_P(ExecutorContract, TimerMayBeDestroyedInItsOwnCallback) {
  auto timer = std::make_unique<Timer>(executor());
  std::string kept = "captured state lives until the end of the callback";
  bool done = false;
  timer->start(ms(1), [&timer, &done, kept] {
    timer.reset();
    done = kept.size() > 10;
  });
  ASSERT_TRUE(run_until([&] { return timer == nullptr; }));
  EXPECT_TRUE(done);
}

TEST_P(ExecutorContract, ADestroyedTimerIsSilent) {
  bool ran = false;
  bool later = false;
  {
    Timer timer(executor());
    timer.start(ms(1), [&] { ran = true; });
  }
  executor().schedule(ms(5), [&] { later = true; });
  ASSERT_TRUE(run_until([&] { return later; }));
  EXPECT_FALSE(ran);
}

TEST_P(ExecutorContract, AWorkersDoneFollowsItsWork) {
  constexpr int kJobs = 20;
  std::vector<int> worked(kJobs);
  int done = 0;
  for (int i = 0; i < kJobs; ++i) {
    executor().run_on_worker([&worked, i] { worked[static_cast<size_t>(i)] = i + 1; },
                             [&worked, &done, i] {
                               EXPECT_EQ(worked[static_cast<size_t>(i)], i + 1);
                               ++done;
                             });
  }
  EXPECT_EQ(done, 0);
  ASSERT_TRUE(run_until([&] { return done == kJobs; }));
}

TEST_P(ExecutorContract, TheClockNeverGoesBack) {
  Instant last = env().clock.now();
  int ticks = 0;
  for (int i = 0; i < 20; ++i) {
    executor().schedule(ms(i % 4), [&] {
      const Instant now = env().clock.now();
      EXPECT_GE(now, last);
      last = now;
      ++ticks;
    });
  }
  ASSERT_TRUE(run_until([&] { return ticks == 20; }));
}

}  // namespace revd

#include "base/linux/timer_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "base/random.h"

namespace revd::os {
namespace {

Instant at(int64_t nanoseconds) { return Instant(Duration(nanoseconds)); }

TEST(TimerQueue, EqualTimesRunInTheOrderOfTheirAdding) {
  TimerQueue queue;
  std::string order;
  queue.add(at(5), [&] { order += 'a'; });
  queue.add(at(3), [&] { order += 'b'; });
  queue.add(at(5), [&] { order += 'c'; });
  while (auto task = queue.take_due(at(5), queue.next_id())) (*task)();
  EXPECT_EQ(order, "bac");
}

TEST(TimerQueue, GivesNothingBeforeItIsDueOrAddedAfterTheLimit) {
  TimerQueue queue;
  const TimerQueue::Id limit = queue.next_id();
  queue.add(at(5), [] {});
  EXPECT_EQ(queue.next_due(), at(5));
  EXPECT_FALSE(queue.take_due(at(5), limit));
  EXPECT_FALSE(queue.take_due(at(4), queue.next_id()));
  EXPECT_TRUE(queue.take_due(at(5), queue.next_id()));
}

TEST(TimerQueue, RestartedTimersDoNotPileUp) {
  TimerQueue queue;
  TimerQueue::Id id = queue.add(at(1), [] {});
  for (int64_t i = 2; i < 100'000; ++i) {
    EXPECT_TRUE(queue.cancel(id));
    id = queue.add(at(i), [] {});
    ASSERT_LT(queue.heap_size(), 200U);
  }
  EXPECT_EQ(queue.size(), 1U);
}

TEST(TimerQueue, CancellingDestroysTheTaskAtOnce) {
  TimerQueue queue;
  auto held = std::make_shared<int>(1);
  const TimerQueue::Id id = queue.add(at(1), [held] {});
  EXPECT_EQ(held.use_count(), 2);
  EXPECT_TRUE(queue.cancel(id));
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(queue.cancel(id));
}

TEST(TimerQueue, AgreesWithAnOrderedMap) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    TimerQueue queue;
    std::map<std::pair<int64_t, TimerQueue::Id>, bool> model;
    TimerQueue::Id ran = 0;
    for (int step = 0; step < 2000; ++step) {
      const uint64_t choice = random.below(4);
      if (choice < 2) {
        const auto due = static_cast<int64_t>(random.below(1000));
        const TimerQueue::Id id = queue.next_id();
        ASSERT_EQ(queue.add(at(due), [&ran, id] { ran = id; }), id);
        model[{due, id}] = true;
      } else if (choice == 2 && !model.empty()) {
        auto victim = model.begin();
        std::advance(victim, static_cast<int64_t>(random.below(model.size())));
        ASSERT_TRUE(queue.cancel(victim->first.second));
        model.erase(victim);
      } else {
        const auto now = static_cast<int64_t>(random.below(300));
        while (auto task = queue.take_due(at(now), queue.next_id())) {
          (*task)();
          ASSERT_FALSE(model.empty());
          ASSERT_EQ(ran, model.begin()->first.second);
          ASSERT_LE(model.begin()->first.first, now);
          model.erase(model.begin());
        }
        ASSERT_TRUE(model.empty() || model.begin()->first.first > now);
      }
      ASSERT_EQ(queue.size(), model.size());
    }
  }
}

}  // namespace
}  // namespace revd::os

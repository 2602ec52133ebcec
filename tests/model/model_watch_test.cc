#include "tests/model/model_watch.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "mvcc/command/errors.h"

namespace revd {
namespace {

const std::string kZero(1, '\0');

class ModelWatch : public ::testing::Test {
 protected:
  void put(const std::string& key, const std::string& value = "v") {
    ASSERT_TRUE(store_.put({.key = key, .value = value}).ok());
  }
  void erase(const std::string& key) { ASSERT_TRUE(store_.delete_range({.key = key}).ok()); }
  // "a@2 -a@3": puts and deletes with their revisions.
  std::string collect(int64_t id) {
    std::string text;
    for (const auto& delivery : stream_.collect()) {
      if (delivery.id != WatchId(id)) continue;
      for (const Event& event : delivery.events) {
        if (!text.empty()) text += ' ';
        text += (event.type == EventType::kDelete ? "-" : "") + event.kv.key + "@" +
                std::to_string(event.kv.mod_revision);
      }
      if (delivery.canceled()) text += " compacted@" + std::to_string(delivery.compact_revision);
    }
    return text;
  }

  ModelStore store_;
  ModelWatchStream stream_{store_};
};

TEST_F(ModelWatch, HistoryAndPresentAreOneSequence) {
  put("a");
  put("b");
  stream_.create({.key = "", .range_end = kZero, .start_revision = 2, .watch_id = WatchId(1)});
  stream_.create({.key = "a", .watch_id = WatchId(2)});
  EXPECT_EQ(collect(1), "a@2 b@3");
  erase("a");
  put("a");
  EXPECT_EQ(collect(1), "-a@4 a@5");
  EXPECT_EQ(collect(1), "");
}

TEST_F(ModelWatch, FiltersAndAStartInTheFuture) {
  stream_.create({.key = "a", .no_put = true, .watch_id = WatchId(1)});
  stream_.create({.key = "a", .start_revision = 4, .watch_id = WatchId(2)});
  put("a");
  erase("a");
  put("a");
  const auto deliveries = stream_.collect();
  ASSERT_EQ(deliveries.size(), 2U);
  ASSERT_EQ(deliveries[0].events.size(), 1U);
  EXPECT_EQ(deliveries[0].events[0].type, EventType::kDelete);
  ASSERT_EQ(deliveries[1].events.size(), 1U);
  EXPECT_EQ(deliveries[1].events[0].kv.mod_revision, 4);
}

TEST_F(ModelWatch, RefusalsAreCreatedAndCancelled) {
  EXPECT_EQ(stream_.create({.key = "b", .range_end = "a"}).cancel_reason, kWatchRangeEmpty);
  EXPECT_EQ(stream_.create({.key = "b", .start_revision = -1}).cancel_reason, kWatchStartNegative);
  const WatchResponse first = stream_.create({.key = "a", .watch_id = WatchId(3)});
  EXPECT_TRUE(first.created && !first.canceled);
  const WatchResponse second = stream_.create({.key = "a", .watch_id = WatchId(3)});
  EXPECT_EQ(second.cancel_reason, kWatchDuplicateId);
  EXPECT_TRUE(second.created && second.canceled);
  EXPECT_EQ(second.watch_id, kNoWatch);
  EXPECT_EQ(stream_.create({.key = "a"}).watch_id, WatchId(1)) << "picked";
}

TEST_F(ModelWatch, BelowTheCompactedRevisionIsCancelled) {
  for (int i = 0; i < 4; ++i) put("a");
  ASSERT_TRUE(store_.compact({.revision = 4}).ok());
  EXPECT_FALSE(stream_.create({.key = "a", .start_revision = 3, .watch_id = WatchId(1)}).canceled);
  stream_.create({.key = "a", .start_revision = 4, .watch_id = WatchId(2)});
  EXPECT_EQ(collect(1), " compacted@4");
  EXPECT_EQ(collect(1), "") << "told once";
  EXPECT_FALSE(stream_.cancel(WatchId(1)));
  EXPECT_TRUE(stream_.cancel(WatchId(2)));
}

TEST_F(ModelWatch, PrevKvIsTheStateOneRevisionBefore) {
  put("a", "1");  // 2
  put("a", "2");  // 3
  erase("a");     // 4
  const WatchCreateRequest all{.key = "a", .prev_kv = true};
  auto events = store_.events(all, 1);
  ASSERT_EQ(events->size(), 3U);
  EXPECT_FALSE((*events)[0].prev_kv);
  EXPECT_EQ((*events)[1].prev_kv->value, "1");
  EXPECT_EQ((*events)[2].prev_kv->value, "2");
  EXPECT_EQ((*events)[2].kv, (KeyValue{.key = "a", .mod_revision = 4})) << "key and revision alone";
  ASSERT_TRUE(store_.compact({.revision = 3}).ok());
  events = store_.events(all, 3);
  ASSERT_EQ(events->size(), 2U);
  EXPECT_FALSE((*events)[0].prev_kv) << "below the floor";
  EXPECT_EQ((*events)[1].prev_kv->value, "2");
  EXPECT_EQ(compact_revision_of(store_.events(all, 2).error()), 3);
}

TEST_F(ModelWatch, ProgressIsTheCurrentRevision) {
  put("a");
  const WatchResponse progress = stream_.progress();
  EXPECT_EQ(progress.watch_id, kNoWatch);
  EXPECT_EQ(progress.revision, 2);
}

}  // namespace
}  // namespace revd

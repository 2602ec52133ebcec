#include "server/client/range_pages.h"

#include "mvcc/command/errors.h"
#include "tests/server/client/client_fixture.h"

namespace revd {
namespace {

class RangePagesTest : public ClientFixture {
 protected:
  void SetUp() override {
    ClientFixture::SetUp();
    store.put_many(500, "key");
  }
  struct Outcome {
    std::vector<std::string> keys;
    int64_t count = 0;
    bool more = false;
    size_t pages = 0;
    Status status;
  };
  Outcome read_all(RangeRequest range, uint64_t page_bytes, const std::function<void(size_t)>& between = {}) {
    BlockingClient client(host.env(), options());
    Outcome outcome;
    outcome.status = client.for_each_page(
        std::move(range),
        [&](RangeResponse page) -> Status {
          for (const KeyValue& kv : page.kvs) outcome.keys.push_back(kv.key);
          outcome.count = page.count;
          outcome.more = page.more;
          if (between) between(outcome.pages);
          ++outcome.pages;
          return {};
        },
        page_bytes);
    return outcome;
  }
  std::vector<std::string> keys_of(size_t count) const {
    std::vector<std::string> keys;
    for (const auto& [key, kv] : store.keys)
      if (keys.size() < count) keys.push_back(key);
    return keys;
  }
};

TEST_F(RangePagesTest, AllPagesInOrder) {
  const Outcome outcome = read_all(all(), 100);
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_EQ(outcome.keys, keys_of(500));
  EXPECT_EQ(outcome.count, 500);
  EXPECT_FALSE(outcome.more);
  EXPECT_GT(outcome.pages, 20U);
}

TEST_F(RangePagesTest, EmptyRangeIsOnePage) {
  RangeRequest range;
  range.key = "nothing";
  const Outcome outcome = read_all(range, 100);
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_EQ(outcome.pages, 1U);
  EXPECT_TRUE(outcome.keys.empty());
}

TEST_F(RangePagesTest, ServerSendsNoMoreThanTheCredit) {
  Client client(host.env(), options());
  RangePages pages(client, all(), 100);
  wait_ms(1000);
  EXPECT_LE(store.pages_sent, 3U);
  std::optional<RangeResponse> got;
  pages.next([&](Result<std::optional<RangeResponse>> page) { got = *page; });
  ASSERT_TRUE(until([&] { return got.has_value(); }));
  wait_ms(1000);
  EXPECT_LE(store.pages_sent, 4U);
}

TEST_F(RangePagesTest, GoesOnAtTheSameRevisionAfterAReset) {
  const Outcome outcome = read_all(all(), 100, [&](size_t page) {
    store.put_many(1, "new" + std::to_string(page));  // not seen: it is newer
    if (page % 3 == 0) world.network().reset_all();
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.error().text();
  EXPECT_EQ(outcome.keys, keys_of(500));
  EXPECT_EQ(outcome.count, 500);
}

TEST_F(RangePagesTest, LimitHoldsOverResets) {
  for (const int64_t limit : {1, 7, 100, 499, 500, 501}) {
    SCOPED_TRACE(limit);
    RangeRequest range = all();
    range.limit = limit;
    const Outcome outcome = read_all(range, 100, [&](size_t page) {
      if (page % 2 == 0) world.network().reset_all();
    });
    ASSERT_TRUE(outcome.status.ok());
    EXPECT_EQ(outcome.keys, keys_of(static_cast<size_t>(limit)));
    EXPECT_EQ(outcome.count, 500);
    EXPECT_EQ(outcome.more, limit < 500);
  }
}

TEST_F(RangePagesTest, OtherOrdersDontPretendToGoOn) {
  RangeRequest range = all();
  range.sort_order = SortOrder::kDescend;
  const Outcome outcome = read_all(range, 100, [&](size_t page) {
    if (page == 3) world.network().reset_all();
  });
  EXPECT_EQ(outcome.status.error().code(), ErrorCode::kUnavailable);
}

TEST_F(RangePagesTest, CompactedMeanwhileIsToldNotHidden) {
  int asked = 0;
  store.intercept = [&](Call& call) {
    if (++asked == 1) return false;
    call.reply->finish(store.header(), compacted_error(9));
    return true;
  };
  const Outcome outcome = read_all(all(), 100, [&](size_t page) {
    if (page == 3) world.network().reset_all();
  });
  EXPECT_TRUE(is_api_error(outcome.status.error(), ApiError::kCompacted));
}

TEST_F(RangePagesTest, NoPageInTimeIsAnError) {
  door.reset();
  Client client(host.env(), options());
  RangePages pages(client, all(), 100, 500);
  std::optional<Error> error;
  pages.next([&](Result<std::optional<RangeResponse>> page) { error = page.error(); });
  ASSERT_TRUE(until([&] { return error.has_value(); }));
  EXPECT_EQ(error->code(), ErrorCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace revd

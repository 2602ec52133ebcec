// Services without any protocol: the door here has no frame, no socket and no connection.
#include "tests/server/in_process_door.h"

#include <gtest/gtest.h>

#include "mvcc/command/errors.h"
#include "tests/server/fake_store.h"
#include "tests/sim/world.h"

namespace revd {
namespace {

class InProcessDoorTest : public ::testing::Test {
 protected:
  SimWorld world{1};
  SimProcess& process = world.add_process("one");
  FakeStore store;
  InProcessDoor door{process.env().executor, store};
};

TEST_F(InProcessDoorTest, CallsAndAnswers) {
  PutRequest put;
  put.key = "a";
  const auto call = door.start(put);
  ASSERT_TRUE(call->finished);
  EXPECT_EQ(std::get<PutResponse>(*call->answers[0].outcome).revision, 2);
  EXPECT_EQ(call->answers[0].header.revision, 2);
}

TEST_F(InProcessDoorTest, StreamsUnderCreditUntilTheCallerLeaves) {
  store.put_many(100, "k");
  RangePagesRequest pages;
  pages.range.key = pages.range.range_end = std::string(1, '\0');
  pages.page_bytes_max = 50;
  const auto call = door.start(pages);
  ASSERT_TRUE(call->finished);
  const size_t all = call->answers.size();
  EXPECT_GT(all, 10U);

  WatchCreateRequest watch;
  watch.range_end = std::string(1, '\0');
  const auto watching = door.start(watch);
  store.put_many(1, "a");
  EXPECT_EQ(watching->answers.size(), 2U);
  watching->credit_bytes = 0;
  store.put_many(1, "b");
  EXPECT_EQ(watching->answers.size(), 2U);
  door.give_credit(*watching, 1000);
  EXPECT_TRUE(world.run_until([&] { return watching->answers.size() == 3; }));
  door.leave(*watching);
  world.run_for(std::chrono::milliseconds(1));
  store.put_many(1, "c");
  EXPECT_EQ(watching->answers.size(), 3U);
}

}  // namespace
}  // namespace revd

// Streams through the door: credit, fairness, ends.
#include "mvcc/command/errors.h"
#include "tests/server/door/door_fixture.h"

namespace revd {
namespace {

using StreamTest = DoorFixture;

// Sends pages of `bytes` as long as there is credit, `left` of them.
struct Pager : std::enable_shared_from_this<Pager> {
  Pager(FakeService& fake, Call started, size_t pages, size_t page_bytes)
      : service(fake), call(std::move(started)), left(pages), bytes(page_bytes) {}
  void run() {
    while (left > 0) {
      if (call.reply->credit_bytes() <= 0) {
        call.reply->when_credit([weak = weak_from_this()] {
          if (const auto self = weak.lock()) self->run();
        });
        return;
      }
      RangeResponse page;
      page.revision = 5;
      page.kvs.emplace_back().value.assign(bytes, 'x');
      --left;
      ++sent;
      if (left > 0)
        call.reply->send(service.header(), Response(std::move(page)));
      else
        call.reply->finish(service.header(), Response(std::move(page)));
    }
  }
  FakeService& service;
  Call call;
  size_t left;
  size_t bytes;
  size_t sent = 0;
};

TEST_F(StreamTest, EndsWithTheLastAnswer) {
  const auto client = greet();
  client->request(1, RangePagesRequest{});
  ASSERT_TRUE(until([&] { return service.calls.size() == 1; }));
  const auto pager = std::make_shared<Pager>(service, std::move(service.calls[0]), 5, 100);
  pager->run();
  ASSERT_TRUE(until([&] { return client->answers_of(1) == 5; }));
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(client->answers[i].open, i < 4);
  client->put(1, "the id is free again");
  service.calls.clear();
  EXPECT_TRUE(until([&] { return service.calls.size() == 1; }));
}

TEST_F(StreamTest, WaitsForTheClientsCredit) {
  const auto client = greet();
  RequestHeader header;
  header.credit_bytes = 2500;
  client->request(1, RangePagesRequest{}, header);
  ASSERT_TRUE(until([&] { return service.calls.size() == 1; }));
  const auto pager = std::make_shared<Pager>(service, std::move(service.calls[0]), 100, 1000);
  pager->run();
  wait_ms(100);
  EXPECT_EQ(client->answers_of(1), 3U);
  client->credit(1, 3000);
  wait_ms(100);
  EXPECT_EQ(client->answers_of(1), 6U);
  client->credit(99, 3000);  // of no stream: ignored
  wait_ms(100);
  EXPECT_EQ(client->answers_of(1), 6U);
  client->credit(1, ~uint64_t{0});
  EXPECT_TRUE(until([&] { return client->answers_of(1) == 100; }));
}

TEST_F(StreamTest, WithoutCreditOthersGoOn) {
  const auto client = greet();
  RequestHeader header;
  header.credit_bytes = 1;
  client->request(1, RangePagesRequest{}, header);
  client->request(2, RangePagesRequest{});
  ASSERT_TRUE(until([&] { return service.calls.size() == 2; }));
  const auto first = std::make_shared<Pager>(service, std::move(service.calls[0]), 10, 1000);
  const auto second = std::make_shared<Pager>(service, std::move(service.calls[1]), 1000, 10'000);
  first->run();
  second->run();
  ASSERT_TRUE(until([&] { return client->answers_of(2) == 1000; }));
  EXPECT_EQ(client->answers_of(1), 1U);
}

TEST_F(StreamTest, TwoStreamsShareTheConnection) {
  settings.answer_bytes_queued_max = 50'000;
  open();
  const auto client = greet();
  client->request(1, RangePagesRequest{});
  client->request(2, RangePagesRequest{});
  ASSERT_TRUE(until([&] { return service.calls.size() == 2; }));
  const auto first = std::make_shared<Pager>(service, std::move(service.calls[0]), 300, 20'000);
  const auto second = std::make_shared<Pager>(service, std::move(service.calls[1]), 300, 20'000);
  first->run();
  second->run();
  ASSERT_TRUE(until([&] { return first->left == 0 || second->left == 0; }));
  EXPECT_LT(first->left, 20U);
  EXPECT_LT(second->left, 20U);
  ASSERT_TRUE(until([&] { return client->answers.size() == 600; }));
}

TEST_F(StreamTest, OpenStreamsDontCountAsInFlight) {
  settings.requests_in_flight_max = 4;
  settings.streams_max = 20;
  open();
  service.on_start = [&](Call call) {
    if (std::holds_alternative<PutRequest>(call.request)) return service.answer_put(call);
    WatchResponse created;
    created.created = true;
    call.reply->send(service.header(), Response(created));
    service.calls.push_back(std::move(call));
  };
  const auto client = greet();
  for (uint64_t id = 1; id <= 21; ++id) client->request(id, WatchCreateRequest{});
  ASSERT_TRUE(until([&] { return client->answers.size() == 21; }));
  EXPECT_TRUE(client->answer(20)->open);
  EXPECT_TRUE(is_api_error(client->answer(21)->outcome.error(), ApiError::kTooManyRequests));
  expect_served(*client);
  client->cancel(3);
  client->request(3, WatchCreateRequest{});  // one went, one may come
  EXPECT_TRUE(until([&] { return client->answers_of(3) == 3; }));
}

// Nobody holds the stream but the task that waits for credit.
TEST_F(StreamTest, StreamOwnedByItsWaitingTaskEndsWithItsConnection) {
  for (const bool drain : {false, true}) {
    open();
    auto client = greet();
    RequestHeader header;
    header.credit_bytes = 1;
    for (uint64_t id = 1; id <= 3; ++id) client->request(id, RangePagesRequest{}, header);
    ASSERT_TRUE(until([&] { return service.calls.size() == 3; }));
    size_t destroyed = 0;
    for (Call& call : std::exchange(service.calls, {})) {
      const std::shared_ptr<Call> owned(new Call(std::move(call)), [&](Call* last) {
        ++destroyed;
        delete last;
      });
      owned->reply->send(service.header(), Response(RangeResponse{}));
      owned->reply->when_credit([owned] {});
    }
    if (drain)
      door->drain([] {});
    else
      client->close();
    EXPECT_TRUE(until([&] { return destroyed == 3; }));
  }
}

TEST_F(StreamTest, CancelledStreamSendsNothingMore) {
  const auto client = greet();
  client->request(1, WatchCreateRequest{});
  ASSERT_TRUE(until([&] { return service.calls.size() == 1; }));
  Reply& reply = *service.calls[0].reply;
  reply.send(service.header(), Response(WatchResponse{}));
  bool told = false;
  reply.when_gone([&] { told = true; });
  client->cancel(1);
  ASSERT_TRUE(until([&] { return told; }));
  reply.send(service.header(), Response(WatchResponse{}));
  wait_ms(100);
  ASSERT_EQ(client->answers_of(1), 2U);
  EXPECT_EQ(client->answers[1].outcome.error().code(), ErrorCode::kCancelled);
  EXPECT_LE(reply.credit_bytes(), 0);
}

}  // namespace
}  // namespace revd

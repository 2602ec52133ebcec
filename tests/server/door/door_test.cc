#include "server/door/door.h"

#include "mvcc/command/errors.h"
#include "tests/server/door/door_fixture.h"

namespace revd {
namespace {

using DoorTest = DoorFixture;

TEST_F(DoorTest, WelcomeTellsIdentityAndLimits) {
  const auto client = greet();
  EXPECT_EQ(client->welcome->version, 1);
  const auto& self = client->welcome->introduction;
  EXPECT_EQ(self.version, "0.1.0");
  EXPECT_EQ(self.cluster, ClusterId(77));
  EXPECT_EQ(self.member, NodeId(1));
  EXPECT_EQ(self.request_bytes_max, settings.request_bytes_max);
  EXPECT_EQ(self.frame_body_max, settings.request_bytes_max + 65536);
}

TEST_F(DoorTest, AnswersInAnyOrder) {
  const auto client = greet();
  client->put(1, "a");
  client->put(2, "b");
  client->put(3, "c");
  ASSERT_TRUE(until([&] { return service.calls.size() == 3; }));
  EXPECT_EQ(std::get<PutRequest>(service.calls[1].request).key, "b");
  for (const size_t i : {2UL, 0UL, 1UL}) service.answer_put(service.calls[i]);
  ASSERT_TRUE(until([&] { return client->answers.size() == 3; }));
  EXPECT_EQ(client->answers[0].id, 3U);
  EXPECT_EQ(client->answers[1].id, 1U);
  EXPECT_EQ(client->answers[2].id, 2U);
  EXPECT_EQ(std::get<PutResponse>(*client->answers[0].outcome).revision, 2);
  EXPECT_EQ(client->answers[0].header.cluster, ClusterId(77));
}

TEST_F(DoorTest, CallCarriesCallerStampAndDeadline) {
  const auto client = greet();
  RequestHeader header;
  header.timeout_ms = 5000;
  header.session = SessionId(4);
  header.sequence = 8;
  header.lowest_unacknowledged = 6;
  client->request(1, LeaseLeasesRequest{}, header);
  ASSERT_TRUE(until([&] { return service.calls.size() == 1; }));
  const Call& call = service.calls[0];
  EXPECT_NE(call.caller, CallerId());
  EXPECT_EQ(call.stamp.session, SessionId(4));
  EXPECT_EQ(call.stamp.sequence, 8U);
  EXPECT_EQ(call.stamp.lowest_unacknowledged, 6U);
  ASSERT_TRUE(call.deadline.has_value());
  EXPECT_LE(*call.deadline - server.env().clock.now(), std::chrono::milliseconds(5000));
  EXPECT_TRUE(call.principal->user.empty());
}

TEST_F(DoorTest, ManySmallRequestsShareReadsAndWrites) {
  service.answer_puts_at_once();
  const auto client = greet();
  const DoorCounts before = door->counts();
  constexpr uint64_t kCount = 500;
  for (uint64_t id = 1; id <= kCount; ++id) client->put(id, "key");
  ASSERT_TRUE(until([&] { return client->answers.size() == kCount; }));
  EXPECT_LT(door->counts().reads - before.reads, kCount / 10);
  EXPECT_LT(door->counts().writes - before.writes, kCount / 10);
}

TEST_F(DoorTest, BigAnswerComesInSeveralFrames) {
  const auto client = greet();
  RangeRequest range;
  range.key = "a";
  client->request(1, range);
  ASSERT_TRUE(until([&] { return service.calls.size() == 1; }));
  RangeResponse response;
  for (int i = 0; i < 50; ++i)
    response.kvs.emplace_back().value.assign(100'000, static_cast<char>('a' + i % 26));
  service.calls[0].reply->finish(service.header(), Response(response));
  ASSERT_TRUE(until([&] { return client->answer(1) != nullptr; }));
  EXPECT_EQ(*client->answer(1)->outcome, Response(response));
  EXPECT_GT(client->answer(1)->frames, 10U);
  EXPECT_LE(client->largest_frame, settings.request_bytes_max + 65536 + protocol::kFrameHeaderSize);
}

TEST_F(DoorTest, LargestRequestPassesOneByteMoreIsRefused) {
  service.answer_puts_at_once();
  const auto client = greet();
  PutRequest put;
  put.key = "k";
  put.value.assign(settings.request_bytes_max - 5, 'x');
  ASSERT_EQ(encoded_size(put), settings.request_bytes_max);
  client->request(1, put);
  ASSERT_TRUE(until([&] { return client->answer(1) != nullptr; }));
  EXPECT_TRUE(client->answer(1)->outcome.ok());
  put.value.push_back('x');
  client->request(2, put);
  ASSERT_TRUE(until([&] { return client->answer(2) != nullptr; }));
  EXPECT_TRUE(is_api_error(client->answer(2)->outcome.error(), ApiError::kRequestTooLarge));
  expect_served(*client);
}

TEST_F(DoorTest, PingIsAnsweredWithoutTheService) {
  const auto client = greet();
  client->request(1, PingRequest{});
  ASSERT_TRUE(until([&] { return client->answer(1) != nullptr; }));
  EXPECT_TRUE(client->answer(1)->outcome.ok());
  EXPECT_EQ(service.started, 0U);
}

TEST_F(DoorTest, UnknownRequestTypeEndsNothing) {
  service.answer_puts_at_once();
  const auto client = greet();
  std::string frame;
  protocol::append_frame(96, 0, 1, as_bytes(std::string_view("\0member", 7)), frame);
  client->send(frame);
  expect_served(*client);
  EXPECT_FALSE(client->goodbye.has_value());
}

TEST_F(DoorTest, EveryErrorReachesTheClientWordForWord) {
  const auto client = greet();
  uint64_t id = 0;
  for (const ApiErrorRow& row : api_errors()) {
    client->put(++id, "k");
    ASSERT_TRUE(until([&] { return service.calls.size() == 1; }));
    service.calls[0].reply->finish(service.header(), api_error(row.error));
    service.calls.clear();
    ASSERT_TRUE(until([&] { return client->answer(id) != nullptr; }));
    const Error& error = client->answer(id)->outcome.error();
    EXPECT_EQ(error.text(), row.text);
    EXPECT_EQ(error.code(), api_error(row.error).code());
  }
}

TEST_F(DoorTest, InFlightLimitsStopReading) {
  settings.requests_in_flight_max = 10;
  open();
  const auto client = greet();
  for (uint64_t id = 1; id <= 100; ++id) client->put(id, "key");
  wait_ms(500);
  EXPECT_EQ(service.calls.size(), 10U);
  size_t answered = 0;
  while (answered < 100) {
    ASSERT_TRUE(until([&] { return !service.calls.empty(); }));
    EXPECT_LE(service.calls.size(), 10U);
    for (Call& call : std::exchange(service.calls, {})) {
      service.answer_put(call);
      ++answered;
    }
  }
  EXPECT_TRUE(until([&] { return client->answers.size() == 100; }));
}

TEST_F(DoorTest, BytesInFlightStopReading) {
  settings.bytes_in_flight_max = 1 << 20;
  open();
  const auto client = greet();
  for (uint64_t id = 1; id <= 20; ++id) client->put(id, "key", std::string(300'000, 'v'));
  wait_ms(2000);
  EXPECT_EQ(service.calls.size(), 4U);  // the fourth one crosses the limit
  service.answer_put(service.calls[0]);
  service.calls.erase(service.calls.begin());
  wait_ms(2000);
  EXPECT_EQ(service.calls.size(), 4U);
}

TEST_F(DoorTest, DeadlineAnswersTimedOut) {
  const auto client = greet();
  RequestHeader header;
  header.timeout_ms = 50;
  client->request(1, StatusRequest{}, header);
  client->put(2, "no deadline");
  ASSERT_TRUE(until([&] { return client->answer(1) != nullptr; }));
  EXPECT_TRUE(is_api_error(client->answer(1)->outcome.error(), ApiError::kTimeout));
  EXPECT_EQ(door->counts().expired, 1U);
  EXPECT_TRUE(service.calls[0].reply->gone());
  EXPECT_FALSE(service.calls[1].reply->gone());
  service.calls[0].reply->finish(service.header(), Response(StatusResponse{}));  // too late: nobody sees it
  service.answer_put(service.calls[1]);
  ASSERT_TRUE(until([&] { return client->answer(2) != nullptr; }));
  EXPECT_EQ(client->answers_of(1), 1U);
}

TEST_F(DoorTest, CancelTellsTheService) {
  const auto client = greet();
  client->put(1, "a");
  ASSERT_TRUE(until([&] { return service.calls.size() == 1; }));
  bool told = false;
  service.calls[0].reply->when_gone([&] { told = true; });
  client->cancel(1);
  ASSERT_TRUE(until([&] { return client->answer(1) != nullptr; }));
  EXPECT_EQ(client->answer(1)->outcome.error().code(), ErrorCode::kCancelled);
  EXPECT_TRUE(told);
  client->cancel(1);  // and again: nothing is there to cancel
  client->put(1, "the id is free again");
  ASSERT_TRUE(until([&] { return service.calls.size() == 2; }));
}

TEST_F(DoorTest, ClosedConnectionTellsTheService) {
  auto client = greet();
  client->put(1, "a");
  ASSERT_TRUE(until([&] { return service.calls.size() == 1; }));
  bool told = false;
  service.calls[0].reply->when_gone([&] { told = true; });
  client->close();
  ASSERT_TRUE(until([&] { return told; }));
  EXPECT_TRUE(service.calls[0].reply->gone());
  EXPECT_TRUE(until([&] { return door->connections() == 0; }));
  service.answer_put(service.calls[0]);
}

TEST_F(DoorTest, DroppedReplyIsAnsweredServerStopped) {
  const auto client = greet();
  client->put(1, "a");
  ASSERT_TRUE(until([&] { return service.calls.size() == 1; }));
  service.calls.clear();
  ASSERT_TRUE(until([&] { return client->answer(1) != nullptr; }));
  EXPECT_TRUE(is_api_error(client->answer(1)->outcome.error(), ApiError::kStopped));
}

TEST_F(DoorTest, DrainAnswersWhatIsInFlight) {
  const auto client = greet();
  client->put(1, "a");
  client->request(2, WatchCreateRequest{});
  ASSERT_TRUE(until([&] { return service.calls.size() == 2; }));
  bool drained = false;
  door->drain([&] { drained = true; });
  wait_ms(100);
  EXPECT_FALSE(drained);
  EXPECT_TRUE(is_api_error(client->answer(2)->outcome.error(), ApiError::kStopped));
  EXPECT_FALSE(client->goodbye.has_value());
  const auto late = connect();
  service.answer_put(service.calls[0]);
  ASSERT_TRUE(until([&] { return drained; }));
  EXPECT_TRUE(client->answer(1)->outcome.ok());
  ASSERT_TRUE(client->goodbye.has_value());
  EXPECT_TRUE(is_api_error(*client->goodbye, ApiError::kStopped));
  EXPECT_TRUE(late->closed);
}

TEST_F(DoorTest, DrainDoesNotWaitForEver) {
  settings.drain_timeout_ms = 500;
  open();
  const auto client = greet();
  client->put(1, "a");
  ASSERT_TRUE(until([&] { return service.calls.size() == 1; }));
  bool drained = false;
  door->drain([&] { drained = true; });
  EXPECT_TRUE(until([&] { return drained; }));
  EXPECT_TRUE(service.calls[0].reply->gone());
}

TEST_F(DoorTest, SlowRequestIsLogged) {
  const auto client = greet();
  client->put(1, "a");
  ASSERT_TRUE(until([&] { return service.calls.size() == 1; }));
  wait_ms(200);
  service.answer_put(service.calls[0]);
  ASSERT_TRUE(until([&] { return client->answer(1) != nullptr; }));
  EXPECT_NE(world.logs().find("slow_request"), std::string::npos);
}

TEST_F(DoorTest, ServiceOutlivesTheDoor) {
  const auto client = greet();
  client->put(1, "a");
  ASSERT_TRUE(until([&] { return service.calls.size() == 1; }));
  door.reset();
  EXPECT_TRUE(service.calls[0].reply->gone());
  service.answer_put(service.calls[0]);
  wait_ms(10);
}

TEST(DoorSettings, WrongValuesAreNamed) {
  DoorSettings settings;
  EXPECT_TRUE(check(settings).ok());
  settings.idle_timeout_ms = 0;
  EXPECT_EQ(check(settings).error().text(), "idle_timeout_ms is 0; allowed are values of at least 1");
}

}  // namespace
}  // namespace revd

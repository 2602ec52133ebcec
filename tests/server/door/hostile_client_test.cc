// What clients can do wrong: each harms itself alone, and memory stays bounded.
#include "mvcc/command/errors.h"
#include "tests/server/door/door_fixture.h"

namespace revd {
namespace {

class HostileClientTest : public DoorFixture {
 protected:
  void SetUp() override {
    DoorFixture::SetUp();
    service.answer_puts_at_once();
  }
};

TEST_F(HostileClientTest, WrongMagicIsToldAndClosed) {
  const auto client = connect();
  client->send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(until([&] { return client->closed; }));
  ASSERT_TRUE(client->welcome.has_value());
  EXPECT_EQ(client->welcome->refusal, protocol::Refusal::kWrongMagic);
  EXPECT_TRUE(until([&] { return door->connections() == 0; }));
  EXPECT_EQ(door->counts().refused, 1U);
}

TEST_F(HostileClientTest, UnknownVersionIsRefusedInWords) {
  const auto client = connect();
  client->send(protocol::encode_hello({7, 9, 0, {}}));
  ASSERT_TRUE(until([&] { return client->closed; }));
  ASSERT_TRUE(client->welcome.has_value());
  EXPECT_EQ(client->welcome->refusal, protocol::Refusal::kUnknownVersion);
  EXPECT_NE(client->welcome->introduction.refusal.find("7 to 9"), std::string::npos);
}

TEST_F(HostileClientTest, SilentClientIsClosedAfterTheHandshakeTimeout) {
  const auto silent = connect();
  const auto half = connect();
  half->send(protocol::encode_hello({}).substr(0, 20));
  wait_ms(settings.handshake_timeout_ms / 2);
  EXPECT_EQ(door->connections(), 2U);
  ASSERT_TRUE(until([&] { return silent->closed && half->closed; }));
  EXPECT_TRUE(until([&] { return door->connections() == 0; }));
  EXPECT_EQ(door->memory_used_bytes(), 0);
}

TEST_F(HostileClientTest, OversizeFrameIsRefusedFromItsLength) {
  const auto client = greet();
  std::string header;
  ByteWriter(header).u32(settings.request_bytes_max + 65536 + 1);
  client->send(header);
  ASSERT_TRUE(until([&] { return client->closed; }));
  ASSERT_TRUE(client->goodbye.has_value());
  EXPECT_EQ(client->goodbye->code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(door->counts().malformed, 1U);
}

TEST_F(HostileClientTest, HalfAFrameTakesNoMemoryAndTimesOut) {
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(greet());
    std::string header;
    ByteWriter(header).u32(settings.request_bytes_max);  // and then nothing
    clients.back()->send(header);
  }
  wait_ms(1000);
  EXPECT_EQ(door->connections(), 50U);
  EXPECT_LT(door->memory_used_bytes(), 50 * 20'000);
  wait_ms(settings.idle_timeout_ms + settings.idle_timeout_ms / 2);
  EXPECT_EQ(door->connections(), 0U);
  ASSERT_TRUE(clients[0]->goodbye.has_value());
  EXPECT_EQ(clients[0]->goodbye->code(), ErrorCode::kDeadlineExceeded);
}

TEST_F(HostileClientTest, DrippingBytesDontCountAsLife) {
  const auto client = greet();
  PutRequest put;
  put.value.assign(100'000, 'x');
  std::string frame;
  protocol::append_frame(16, 0, 1, as_bytes(protocol::encode_request({}, put)), frame);
  for (size_t i = 0; i < 1000 && !client->closed; ++i) {
    client->send(frame.substr(i, 1));
    wait_ms(1000);
  }
  EXPECT_TRUE(client->closed);
}

TEST_F(HostileClientTest, PingsKeepAConnection) {
  const auto client = greet();
  for (uint64_t i = 1; i <= 10; ++i) {
    wait_ms(settings.idle_timeout_ms / 2);
    client->request(i, PingRequest{});
  }
  wait_ms(10);
  EXPECT_FALSE(client->closed);
  EXPECT_EQ(client->answers.size(), 10U);
}

TEST_F(HostileClientTest, NeverReadingTakesBoundedMemoryAndTimesOut) {
  service.on_start = [&](Call call) {
    if (std::holds_alternative<PutRequest>(call.request)) return service.answer_put(call);
    RangeResponse response;
    response.kvs.emplace_back().value.assign(100'000, 'x');
    call.reply->finish(service.header(), Response(std::move(response)));
  };
  const auto bad = greet();
  const auto good = greet();
  bad->stop_reading();
  for (uint64_t id = 1; id <= 2000; ++id) bad->request(id, RangeRequest{});
  int64_t most = 0;
  for (int i = 0; i < 100; ++i) {
    wait_ms(100);
    most = std::max(most, door->memory_used_bytes());
    expect_served(*good, 1'000'000 + static_cast<uint64_t>(i));
  }
  EXPECT_GT(most, static_cast<int64_t>(settings.answer_bytes_queued_max));
  EXPECT_LT(most, static_cast<int64_t>(settings.answer_bytes_queued_max + 600'000));
  EXPECT_LT(service.started, 300U);
  wait_ms(settings.write_timeout_ms);
  EXPECT_EQ(door->connections(), 1U);
  expect_served(*good);
}

TEST_F(HostileClientTest, PausedReaderGoesOnWhereItStopped) {
  service.on_start = [&](Call call) {
    RangeResponse response;
    response.kvs.emplace_back().value.assign(50'000, 'x');
    call.reply->finish(service.header(), Response(std::move(response)));
  };
  const auto client = greet();
  client->stop_reading();
  for (uint64_t id = 1; id <= 100; ++id) client->request(id, RangeRequest{});
  wait_ms(5000);
  EXPECT_LT(service.started, 100U);
  client->resume_reading();
  EXPECT_TRUE(until([&] { return client->answers.size() == 100; }));
  EXPECT_EQ(service.started, 100U);
}

TEST_F(HostileClientTest, BrokenFramesEndOneConnectionWithTheReason) {
  const auto good = greet();
  const auto reason_of = [&](const std::string& bytes) {
    const auto client = greet();
    client->send(bytes);
    EXPECT_TRUE(until([&] { return client->closed; }));
    return client->goodbye ? client->goodbye->text() : "";
  };
  std::string flipped;
  protocol::append_frame(16, 0, 1, as_bytes(std::string_view("\0\1k\1v", 5)), flipped);
  flipped.back() = 'w';
  EXPECT_NE(reason_of(flipped).find("checksum"), std::string::npos);
  std::string zero;
  protocol::append_frame(16, 0, 0, as_bytes(std::string_view("\0", 1)), zero);
  EXPECT_EQ(reason_of(zero), "request id 0");
  std::string more;
  protocol::append_frame(16, protocol::kFlagMore, 1, as_bytes(std::string_view("\0", 1)), more);
  EXPECT_EQ(reason_of(more), "a request with an answer's flags");
  std::string body;
  protocol::append_frame(16, 0, 1, as_bytes(std::string_view("\0\x7fk", 3)), body);
  EXPECT_EQ(reason_of(body), "a malformed put request");
  std::string credit;
  protocol::append_frame(protocol::kTypeCredit, 0, 1, as_bytes(std::string_view("\xff", 1)), credit);
  EXPECT_EQ(reason_of(credit), "a malformed credit frame");
  EXPECT_EQ(door->counts().malformed, 5U);
  expect_served(*good);
}

TEST_F(HostileClientTest, RequestIdInUseEndsTheConnection) {
  service.on_start = nullptr;
  const auto client = greet();
  client->put(7, "a");
  client->put(7, "b");
  ASSERT_TRUE(until([&] { return client->closed; }));
  EXPECT_EQ(client->goodbye->text(), "request id 7 is still in use");
}

TEST_F(HostileClientTest, AnswersBeforeABrokenFrameStillArrive) {
  const auto client = greet();
  client->put(1, "a");
  client->send(std::string(100, '\xff'));
  ASSERT_TRUE(until([&] { return client->closed; }));
  EXPECT_TRUE(client->answer(1) != nullptr);
  EXPECT_TRUE(client->goodbye.has_value());
}

TEST_F(HostileClientTest, TooManyConnectionsAreTold) {
  settings.connections_max = 3;
  open();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(greet());
  const auto one_more = connect();
  one_more->hello();
  ASSERT_TRUE(until([&] { return one_more->closed; }));
  EXPECT_EQ(one_more->welcome->refusal, protocol::Refusal::kTooManyConnections);
  expect_served(*clients[0]);
  clients.pop_back();
  ASSERT_TRUE(until([&] { return door->connections() == 2; }));
  expect_served(*greet());
}

TEST_F(HostileClientTest, ShortOfMemoryRequestsAreShed) {
  settings.memory_bytes_max = 1 << 20;
  open();
  service.on_start = nullptr;
  const auto client = greet();
  for (uint64_t id = 1; id <= 100; ++id) client->put(id, "k", std::string(20'000, 'v'));
  ASSERT_TRUE(until([&] { return service.calls.size() + client->answers.size() == 100; }));
  EXPECT_LT(service.calls.size(), 60U);
  EXPECT_TRUE(is_api_error(client->answers.back().outcome.error(), ApiError::kTooManyRequests));
  EXPECT_LT(door->memory_used_bytes(), 2 << 20);
  for (Call& call : std::exchange(service.calls, {})) service.answer_put(call);
  ASSERT_TRUE(until([&] { return client->answers.size() == 100; }));
  service.answer_puts_at_once();
  expect_served(*client);
}

TEST_F(HostileClientTest, RandomBytesHarmNobodyElse) {
  const auto good = greet();
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const auto bad = connect();
    if (random.chance(3, 4)) bad->hello();
    for (uint64_t i = random.below(5); i > 0; --i) bad->put(i, "k", std::string(random.below(3000), 'v'));
    std::string bytes(random.below(500), '\0');
    random.fill(std::as_writable_bytes(std::span(bytes)));
    if (random.chance(1, 2)) {  // a whole frame of nonsense
      std::string frame;
      protocol::append_frame(static_cast<uint16_t>(random.below(100)), 0, random.below(9), as_bytes(bytes),
                             frame);
      bytes = frame.substr(0, random.chance(1, 4) ? random.below(frame.size()) : frame.size());
    }
    bad->send(bytes);
    wait_ms(5);
    if (seed % 20 == 0) expect_served(*good, seed);
    EXPECT_FALSE(bad->broken);
  }
  EXPECT_TRUE(until([&] { return door->connections() == 1; }));
  EXPECT_LT(door->memory_used_bytes(), 200'000);
  expect_served(*good);
}

TEST_F(HostileClientTest, FaultyNetworkNeverBreaksTheDoor) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    world.network().faults = {
        .slow = 0.05, .lost = 0.02, .reset = 0.01, .flipped = 0.02, .refuse = 0, .tiny_reads = 0.3};
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 5; ++i) {
      clients.push_back(connect());
      clients.back()->hello();
      for (uint64_t id = 1; id <= 50; ++id) clients.back()->put(id, "k", std::string(id * 50, 'v'));
    }
    wait_ms(3000);
  }
  world.network().faults = {};
  expect_served(*greet());
  EXPECT_TRUE(until([&] { return door->connections() == 1; }) || door->connections() == 0);
}

}  // namespace
}  // namespace revd

// Faults of SimFabric: what a process sees of cut, clogged and lossy links and of peers that die.
#include "tests/sim/network.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "tests/sim/world.h"

namespace revd {
namespace {

using namespace std::chrono_literals;

class SimNetworkTest : public ::testing::Test {
 protected:
  static constexpr uint16_t kPort = 7480;

  // A connection and everything that it has read.
  struct Peer {
    std::unique_ptr<Connection> connection;
    std::string received;
    std::optional<Error> failed;
    bool ended = false;
    size_t reads = 0;
    std::vector<std::byte> buffer = std::vector<std::byte>(4096);
    void adopt(std::unique_ptr<Connection> made) {
      connection = std::move(made);
      next();
    }
    void next() {
      connection->read(buffer, [this](Result<size_t> count) {
        if (!count.ok()) {
          failed = count.error();
        } else if (*count == 0) {
          ended = true;
        } else {
          ++reads;
          received += as_view(ByteSpan(buffer).first(*count));
          next();
        }
      });
    }
  };
  struct Sent {
    std::string text;
    std::optional<Status> status;
  };

  ~SimNetworkTest() override {
    client_ = {};
    server_ = {};
    listener_.reset();
  }
  SimFabric& fabric() { return world_.network(); }
  void listen(SimProcess& at) {
    Result<std::unique_ptr<Listener>> made =
        at.env().network.listen({.host = at.host(), .port = kPort},
                                [this](std::unique_ptr<Connection> c) { server_.adopt(std::move(c)); });
    ASSERT_TRUE(made.ok()) << made.error().describe();
    listener_ = std::move(*made);
  }
  void dial() {
    dialled_.reset();
    a_.env().network.connect({.host = "b", .port = kPort}, [this](Result<std::unique_ptr<Connection>> made) {
      dialled_ = made.ok() ? Status() : Status(made.error());
      if (made.ok()) client_.adopt(std::move(*made));
    });
  }
  void connect_pair() {
    listen(b_);
    dial();
    ASSERT_TRUE(world_.run_until([&] { return client_.connection && server_.connection; }));
  }
  std::shared_ptr<Sent> send(Peer& from, std::string text) {
    auto sent = std::make_shared<Sent>(Sent{.text = std::move(text), .status = {}});
    const ByteSpan piece = as_bytes(sent->text);
    from.connection->write({&piece, 1}, [sent](Status status) { sent->status = std::move(status); });
    return sent;
  }

  SimWorld world_{1};
  SimProcess& a_ = world_.add_process("a");
  SimProcess& b_ = world_.add_process("b");
  std::optional<Status> dialled_;
  Peer client_;
  Peer server_;
  std::unique_ptr<Listener> listener_;
};

TEST_F(SimNetworkTest, ACloggedLinkOnlyDelays) {
  connect_pair();
  fabric().clog("a", "b");
  const auto sent = send(client_, "hello");
  world_.run_for(10min);
  EXPECT_EQ(server_.received, "");
  EXPECT_TRUE(sent->status.has_value()) << "it fits into the socket's buffer";
  fabric().heal("a", "b");
  ASSERT_TRUE(world_.run_until([&] { return server_.received == "hello"; }));
}

TEST_F(SimNetworkTest, ACutLinkEndsInAResetOfTheSenderAlone) {
  connect_pair();
  fabric().cut("a", "b");
  send(client_, "hello");
  send(server_, "the other way");
  world_.run_for(1s);
  EXPECT_EQ(client_.received, "the other way") << "one-way: the other direction works";
  EXPECT_EQ(server_.received, "");
  world_.run_for(60s);
  ASSERT_TRUE(client_.failed.has_value());
  EXPECT_EQ(client_.failed->code(), ErrorCode::kUnavailable);
  EXPECT_GE(fabric().counts().gave_up, 1U);
}

TEST_F(SimNetworkTest, AnIdleConnectionOutlivesACutUnharmed) {
  connect_pair();
  fabric().partition({"a"});
  world_.run_for(10min);
  fabric().heal_all();
  send(client_, "still here");
  ASSERT_TRUE(world_.run_until([&] { return server_.received == "still here"; }));
}

TEST_F(SimNetworkTest, AShortCutIsRetransmitted) {
  connect_pair();
  send(client_, std::string(30'000, 'x'));
  fabric().cut("a", "b");
  world_.run_for(2s);
  fabric().heal_all();
  ASSERT_TRUE(world_.run_until([&] { return server_.received.size() == 30'000; }));
  EXPECT_FALSE(client_.failed.has_value());
}

TEST_F(SimNetworkTest, ConnectingAcrossACutTimesOut) {
  listen(b_);
  fabric().cut("b", "a");
  dial();
  world_.run_for(60s);
  ASSERT_TRUE(dialled_.has_value());
  EXPECT_EQ(dialled_->error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(dialled_->error().text().find("timed out"), std::string::npos);
}

TEST_F(SimNetworkTest, ConnectingDuringAShortCutSucceedsLate) {
  listen(b_);
  fabric().cut("a", "b");
  dial();
  world_.run_for(5s);
  EXPECT_FALSE(dialled_.has_value());
  fabric().heal_all();
  ASSERT_TRUE(world_.run_until([&] { return dialled_.has_value(); }));
  EXPECT_TRUE(dialled_->ok());
}

TEST_F(SimNetworkTest, AKilledPeerClosesItsStreams) {
  connect_pair();
  b_.kill();
  ASSERT_TRUE(world_.run_until([&] { return client_.ended || client_.failed; }));
  dial();
  ASSERT_TRUE(world_.run_until([&] { return dialled_.has_value(); }));
  EXPECT_EQ(dialled_->error().code(), ErrorCode::kUnavailable) << "its listener is gone as well";
}

TEST_F(SimNetworkTest, APeerWithoutPowerLeavesAHalfOpenConnection) {
  connect_pair();
  b_.power_cut();
  world_.run_for(1h);
  EXPECT_FALSE(client_.failed.has_value()) << "who only reads never learns of it";
  b_.start();
  world_.run_for(1h);
  EXPECT_FALSE(client_.failed.has_value());
  send(client_, "anyone?");
  ASSERT_TRUE(world_.run_until([&] { return client_.failed.has_value(); }));
  EXPECT_EQ(client_.failed->code(), ErrorCode::kUnavailable);
  EXPECT_NE(client_.failed->text().find("reset"), std::string::npos);
}

TEST_F(SimNetworkTest, WritingToAMachineWithoutPowerTimesOut) {
  connect_pair();
  b_.power_cut();
  send(client_, "anyone?");
  world_.run_for(60s);
  ASSERT_TRUE(client_.failed.has_value());
  EXPECT_NE(client_.failed->text().find("timed out"), std::string::npos);
}

TEST_F(SimNetworkTest, ACrashedProcessHearsNothingMore) {
  connect_pair();
  send(server_, "too late");
  a_.power_cut();
  a_.start();
  world_.run_for(60s);
  EXPECT_EQ(client_.received, "");
  EXPECT_FALSE(client_.failed.has_value());
}

TEST_F(SimNetworkTest, APausedProcessReadsAfterItsResume) {
  connect_pair();
  b_.pause();
  const auto sent = send(client_, std::string(1 << 20, 'x'));
  world_.run_for(5min);
  EXPECT_EQ(server_.received, "");
  EXPECT_FALSE(sent->status.has_value()) << "buffers are bounded";
  b_.resume();
  ASSERT_TRUE(world_.run_until([&] { return server_.received.size() == 1 << 20; }));
}

TEST_F(SimNetworkTest, AReconnectStormResetsEverything) {
  connect_pair();
  fabric().reset_all();
  ASSERT_TRUE(world_.run_until([&] { return client_.failed && server_.failed; }));
  EXPECT_EQ(server_.failed->code(), ErrorCode::kUnavailable);
  EXPECT_EQ(fabric().counts().resets, 1U);
}

TEST_F(SimNetworkTest, ResetsHappenAtRandom) {
  connect_pair();
  fabric().faults.reset = 1;
  send(client_, "x");
  ASSERT_TRUE(world_.run_until([&] { return client_.failed && server_.failed; }));
}

TEST_F(SimNetworkTest, ConnectionsAreRefusedAtRandom) {
  listen(b_);
  fabric().faults.refuse = 1;
  dial();
  ASSERT_TRUE(world_.run_until([&] { return dialled_.has_value(); }));
  EXPECT_EQ(dialled_->error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(fabric().counts().refused, 1U);
}

TEST_F(SimNetworkTest, SlowAndLostSegmentsKeepTheOrder) {
  connect_pair();
  fabric().faults.slow = 0.3;
  fabric().faults.lost = 0.1;
  fabric().faults.tiny_reads = 0.5;
  std::string text;
  for (int i = 0; text.size() < 300'000; ++i) text += std::to_string(i) + " ";
  send(client_, text);
  ASSERT_TRUE(world_.run_until([&] { return server_.received.size() >= text.size(); }));
  EXPECT_TRUE(server_.received == text);
  EXPECT_GT(fabric().counts().slow, 0U);
  EXPECT_GT(fabric().counts().lost, 0U);
  EXPECT_GT(fabric().counts().tiny_reads, 10U);
}

TEST_F(SimNetworkTest, FlippedBytesArrive) {
  connect_pair();
  fabric().faults.flipped = 1;
  send(client_, std::string(1000, 'x'));
  ASSERT_TRUE(world_.run_until([&] { return server_.received.size() == 1000; }));
  EXPECT_NE(server_.received, std::string(1000, 'x'));
  EXPECT_GT(fabric().counts().flipped, 0U);
}

TEST_F(SimNetworkTest, AnUnknownHostIsUnavailable) {
  std::optional<Status> status;
  a_.env().network.connect({.host = "nowhere", .port = 1}, [&](Result<std::unique_ptr<Connection>> made) {
    status = made.ok() ? Status() : Status(made.error());
  });
  ASSERT_TRUE(world_.run_until([&] { return status.has_value(); }));
  EXPECT_EQ(status->error().code(), ErrorCode::kUnavailable);
}

// Streams that nobody holds any more don't pile up over a long run.
TEST_F(SimNetworkTest, EndedStreamsAreForgotten) {
  listen(b_);
  for (int i = 0; i < 20; ++i) {
    dial();
    ASSERT_TRUE(world_.run_until([&] { return client_.connection && server_.connection; }));
    send(client_, "x");
    world_.run_for(1s);
    client_ = {};
    world_.run_for(1s);
    server_ = {};
    world_.run_for(1s);
  }
  EXPECT_EQ(fabric().open_streams(), 0U);
  for (int i = 0; i < 10; ++i) {
    dial();
    ASSERT_TRUE(world_.run_until([&] { return client_.connection && server_.connection; }));
    if (i % 2 == 0)
      b_.kill();
    else
      b_.power_cut();
    send(client_, "anyone?");
    world_.run_for(60s);
    client_ = {};
    server_ = {};
    listener_.reset();
    b_.start();
    listen(b_);
    world_.run_for(60s);
  }
  EXPECT_EQ(fabric().open_streams(), 0U);
}

}  // namespace
}  // namespace revd

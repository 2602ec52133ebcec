// What base/network.h promises, for every Network. See contract_env.h for how to run it.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/network.h"
#include "base/random.h"
#include "tests/base/contract_env.h"

namespace revd {

class NetworkContract : public ContractTest {
 protected:
  void TearDown() override {
    client_.reset();
    server_.reset();
    listener_.reset();
  }
  Network& network() { return env().network; }

  // One listener whose last accepted connection is server_.
  Address listen() {
    Result<std::unique_ptr<Listener>> made = network().listen(
        {.host = host(), .port = 0}, [this](std::unique_ptr<Connection> c) { server_ = std::move(c); });
    EXPECT_TRUE(made.ok()) << made.error().describe();
    listener_ = std::move(*made);
    return listener_->address();
  }
  Result<std::unique_ptr<Connection>> connect(const Address& to) {
    std::optional<Result<std::unique_ptr<Connection>>> answer;
    network().connect(to, [&](Result<std::unique_ptr<Connection>> c) { answer = std::move(c); });
    EXPECT_FALSE(answer.has_value()) << "a completion came inside the call";
    EXPECT_TRUE(run_until([&] { return answer.has_value(); }));
    return std::move(*answer);
  }
  // client_ and server_ are the two ends of one stream.
  void connect_pair() {
    const Address at = listen();
    Result<std::unique_ptr<Connection>> made = connect(at);
    ASSERT_TRUE(made.ok()) << made.error().describe();
    client_ = std::move(*made);
    ASSERT_TRUE(run_until([&] { return server_ != nullptr; }));
  }
  static std::string noise(size_t size) {
    std::string text(size, '\0');
    Random random(size);
    random.fill({reinterpret_cast<std::byte*>(text.data()), text.size()});
    return text;
  }
  // Appends everything that arrives to `into`, reading up to `step` bytes at a time, until the end.
  struct Drain {
    Drain(Connection& c, size_t step) : from(c), buffer(step) {}
    void next() {
      from.read(buffer, [this](Result<size_t> count) {
        if (!count.ok() || *count == 0) {
          ended = true;
          if (!count.ok()) failed = count.error().code();
          return;
        }
        into.append(as_view(ByteSpan(buffer).first(*count)));
        next();
      });
    }
    Connection& from;
    std::vector<std::byte> buffer;
    std::string into;
    bool ended = false;
    std::optional<ErrorCode> failed;
  };
  std::optional<Status> write(Connection& to, std::string_view text) {
    std::optional<Status> status;
    const ByteSpan piece = as_bytes(text);
    to.write({&piece, 1}, [&](Status s) { status = std::move(s); });
    EXPECT_FALSE(status.has_value()) << "a completion came inside the call";
    EXPECT_TRUE(run_until([&] { return status.has_value(); }));
    return status;
  }

  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Connection> server_;
  std::unique_ptr<Connection> client_;
};

TEST_P(NetworkContract, PortZeroIsChosen) {
  const Address at = listen();
  EXPECT_NE(at.port, 0);
  EXPECT_EQ(at.host, host());
  const std::unique_ptr<Listener> first = std::move(listener_);
  EXPECT_NE(listen().port, at.port);
}

TEST_P(NetworkContract, ListeningTwiceAtOneAddressFails) {
  const Address at = listen();
  Result<std::unique_ptr<Listener>> second = network().listen(at, [](std::unique_ptr<Connection>) {});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().text().find(at.to_string()), std::string::npos) << second.error().text();
}

TEST_P(NetworkContract, ConnectsAndNamesThePeer) {
  connect_pair();
  EXPECT_EQ(client_->peer(), listener_->address());
  EXPECT_FALSE(server_->peer().host.empty());
  EXPECT_NE(server_->peer().port, 0);
}

TEST_P(NetworkContract, ConnectingToNobodyIsUnavailable) {
  const Address at = listen();
  listener_.reset();
  Result<std::unique_ptr<Connection>> made = connect(at);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(made.error().text().find(at.to_string()), std::string::npos) << made.error().text();
}

TEST_P(NetworkContract, PiecesArriveInOrder) {
  connect_pair();
  const std::vector<std::string> texts = {"one ", "two ", noise(100'000), " four"};
  std::vector<ByteSpan> pieces;
  std::string whole;
  for (const std::string& text : texts) {
    pieces.push_back(as_bytes(text));
    whole += text;
  }
  std::optional<Status> status;
  client_->write(pieces, [&](Status s) { status = std::move(s); });
  pieces.clear();  // the array was copied
  Drain drain(*server_, 4096);
  drain.next();
  ASSERT_TRUE(run_until([&] { return status.has_value() && drain.into.size() >= whole.size(); }));
  EXPECT_TRUE(status->ok());
  EXPECT_EQ(drain.into, whole);
}

TEST_P(NetworkContract, LargeDataIsEchoed) {
  connect_pair();
  const std::string sent = noise(4 << 20);
  std::vector<std::byte> chunk(10'000);
  std::function<void()> echo = [&] {
    server_->read(chunk, [&](Result<size_t> count) {
      ASSERT_TRUE(count.ok() && *count > 0);
      const ByteSpan piece = ByteSpan(chunk).first(*count);
      server_->write({&piece, 1}, [&](Status s) {
        ASSERT_TRUE(s.ok());
        echo();
      });
    });
  };
  echo();
  Drain drain(*client_, 7777);
  drain.next();
  const ByteSpan piece = as_bytes(sent);
  bool written = false;
  client_->write({&piece, 1}, [&](Status s) { written = s.ok(); });
  ASSERT_TRUE(run_until([&] { return drain.into.size() >= sent.size(); }));
  EXPECT_TRUE(written);
  EXPECT_TRUE(drain.into == sent);
}

TEST_P(NetworkContract, AWriteWaitsForAReaderWhoIsSlow) {
  connect_pair();
  const std::string sent = noise(64 << 20);  // more than any socket buffer
  const ByteSpan piece = as_bytes(sent);
  std::optional<Status> status;
  client_->write({&piece, 1}, [&](Status s) { status = std::move(s); });
  bool later = false;
  executor().schedule(std::chrono::milliseconds(100), [&] { later = true; });
  ASSERT_TRUE(run_until([&] { return later; }));
  EXPECT_FALSE(status.has_value()) << "nobody has read, and it doesn't fit into buffers";
  Drain drain(*server_, 1 << 20);
  drain.next();
  ASSERT_TRUE(run_until([&] { return status.has_value() && drain.into.size() >= sent.size(); }));
  EXPECT_TRUE(status->ok());
  EXPECT_TRUE(drain.into == sent);
}

TEST_P(NetworkContract, ThePeersCloseEndsTheStreamAfterItsBytes) {
  connect_pair();
  ASSERT_TRUE(write(*client_, "goodbye")->ok());
  client_->close();
  client_->close();
  Drain drain(*server_, 3);
  drain.next();
  ASSERT_TRUE(run_until([&] { return drain.ended; }));
  EXPECT_EQ(drain.into, "goodbye");
  EXPECT_FALSE(drain.failed.has_value());
}

TEST_P(NetworkContract, WritingToAClosedPeerIsUnavailable) {
  connect_pair();
  server_.reset();
  const std::string text = noise(100'000);
  std::optional<Status> status;
  do status = write(*client_, text);
  while (status->ok());
  EXPECT_EQ(status->error().code(), ErrorCode::kUnavailable);
}

TEST_P(NetworkContract, CloseCancelsWhatIsOutstanding) {
  connect_pair();
  const std::string text = noise(64 << 20);
  const ByteSpan piece = as_bytes(text);
  std::vector<std::byte> buffer(10);
  std::optional<Result<size_t>> got;
  std::optional<Status> written;
  client_->read(buffer, [&](Result<size_t> r) { got = std::move(r); });
  client_->write({&piece, 1}, [&](Status s) { written = std::move(s); });
  client_->close();
  EXPECT_FALSE(got.has_value() || written.has_value()) << "a completion came inside the call";
  ASSERT_TRUE(run_until([&] { return got.has_value() && written.has_value(); }));
  ASSERT_FALSE(got->ok());
  EXPECT_EQ(got->error().code(), ErrorCode::kCancelled);
  ASSERT_FALSE(written->ok());
  EXPECT_EQ(written->error().code(), ErrorCode::kCancelled);
}

TEST_P(NetworkContract, ADestroyedConnectionIsSilent) {
  connect_pair();
  std::vector<std::byte> buffer(10);
  bool called = false;
  client_->read(buffer, [&](Result<size_t>) { called = true; });
  client_.reset();
  Drain drain(*server_, 100);
  drain.next();
  ASSERT_TRUE(run_until([&] { return drain.ended; }));
  bool later = false;
  executor().schedule(std::chrono::milliseconds(5), [&] { later = true; });
  ASSERT_TRUE(run_until([&] { return later; }));
  EXPECT_FALSE(called);
}

TEST_P(NetworkContract, AConnectionMayBeDestroyedInItsOwnCompletion) {
  connect_pair();
  ASSERT_TRUE(write(*client_, "x")->ok());
  std::vector<std::byte> buffer(10);
  std::string kept = "captured state lives until the end of the callback";
  bool done = false;
  server_->read(buffer, [this, &done, kept](Result<size_t> count) {
    EXPECT_TRUE(count.ok());
    server_.reset();
    done = kept.size() > 10;
  });
  ASSERT_TRUE(run_until([&] { return server_ == nullptr; }));
  EXPECT_TRUE(done);
}

TEST_P(NetworkContract, ManyConnectionsAtOnce) {
  constexpr size_t kCount = 50;
  std::vector<std::unique_ptr<Connection>> accepted;
  Result<std::unique_ptr<Listener>> listener = network().listen(
      {.host = host(), .port = 0}, [&](std::unique_ptr<Connection> c) { accepted.push_back(std::move(c)); });
  ASSERT_TRUE(listener.ok());
  std::vector<std::unique_ptr<Connection>> made;
  for (size_t i = 0; i < kCount; ++i) {
    network().connect((*listener)->address(), [&](Result<std::unique_ptr<Connection>> c) {
      ASSERT_TRUE(c.ok());
      made.push_back(std::move(*c));
    });
  }
  ASSERT_TRUE(run_until([&] { return made.size() == kCount && accepted.size() == kCount; }));
}

}  // namespace revd

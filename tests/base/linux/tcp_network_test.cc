// What only TCP can show. What every Network must do is in tests/base/network_contract.h.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/linux/descriptor.h"
#include "tests/base/linux/env_fixture.h"

namespace revd {
namespace {

class TcpNetwork : public testing::TestWithParam<DiskChoice> {
 protected:
  struct Pair {
    std::unique_ptr<Listener> listener;
    std::unique_ptr<Connection> client;
    std::unique_ptr<Connection> server;
  };

  Network& network() { return env_->env().network; }
  bool run(const std::function<bool()>& done) { return env_->env().executor.run_until(done); }

  Pair connect_pair(const std::string& host = "127.0.0.1") {
    Pair pair;
    auto listener = network().listen({.host = host, .port = 0}, [&](std::unique_ptr<Connection> accepted) {
      pair.server = std::move(accepted);
    });
    EXPECT_TRUE(listener.ok());
    pair.listener = std::move(*listener);
    network().connect(pair.listener->address(), [&](Result<std::unique_ptr<Connection>> connected) {
      EXPECT_TRUE(connected.ok());
      pair.client = std::move(*connected);
    });
    EXPECT_TRUE(run([&] { return pair.client && pair.server; }));
    return pair;
  }
  Result<size_t> read(Connection& from, std::string& into) {
    std::optional<Result<size_t>> result;
    from.read({reinterpret_cast<std::byte*>(into.data()), into.size()},
              [&](Result<size_t> count) { result = std::move(count); });
    EXPECT_FALSE(result);
    run([&] { return result.has_value(); });
    return std::move(*result);
  }
  Status write(Connection& to, std::string_view text) {
    std::optional<Status> result;
    const ByteSpan piece = as_bytes(text);
    to.write({&piece, 1}, [&](Status status) { result = std::move(status); });
    EXPECT_FALSE(result);
    run([&] { return result.has_value(); });
    return std::move(*result);
  }
  Result<std::unique_ptr<Connection>> connect(const Address& to) {
    std::optional<Result<std::unique_ptr<Connection>>> result;
    network().connect(to,
                      [&](Result<std::unique_ptr<Connection>> connected) { result = std::move(connected); });
    EXPECT_FALSE(result);
    run([&] { return result.has_value(); });
    return std::move(*result);
  }

  std::unique_ptr<LinuxEnv> env_ = make_env(GetParam());
};

TEST_P(TcpNetwork, CarriesManyMegabytesThroughSmallSocketBuffersInOrder) {
  Pair pair = connect_pair();
  std::string sent(size_t{16} << 20, '\0');
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 2654435761U >> 13);
  std::vector<ByteSpan> pieces;  // more than one system call takes, of odd sizes, some empty
  for (size_t start = 0, length = 0; start < sent.size(); start += length, length = (length * 7 + 13) % 9001)
    pieces.push_back(as_bytes(std::string_view(sent).substr(start, length)));
  bool written = false;
  pair.client->write(pieces, [&](const Status& status) { written = status.ok(); });
  std::string received;
  std::string chunk(100'000, '\0');
  while (received.size() < sent.size()) {
    const Result<size_t> count = read(*pair.server, chunk);
    ASSERT_TRUE(count.ok());
    ASSERT_GT(*count, 0U);
    received.append(chunk, 0, *count);
  }
  EXPECT_TRUE(run([&] { return written; }));
  EXPECT_TRUE(received == sent);
}

TEST_P(TcpNetwork, AcceptsOverIpv6) {
  auto probe = network().listen({.host = "::1", .port = 0}, [](const std::unique_ptr<Connection>&) {});
  if (!probe.ok()) GTEST_SKIP() << "no IPv6 here: " << probe.error().text();
  Pair pair = connect_pair("::1");
  EXPECT_EQ(pair.client->peer(), pair.listener->address());
  EXPECT_TRUE(write(*pair.client, "six").ok());
  std::string into(10, '\0');
  EXPECT_EQ(*read(*pair.server, into), 3U);
}

TEST_P(TcpNetwork, FindsHostsByName) {
  Pair pair = connect_pair();
  auto by_name = connect({.host = "localhost", .port = pair.listener->address().port});
  ASSERT_TRUE(by_name.ok()) << by_name.error().describe();
  EXPECT_EQ((*by_name)->peer(), pair.listener->address());
}

TEST_P(TcpNetwork, BadNamesAndPortsAreErrorsThatNameThem) {
  const auto unknown = connect({.host = "no such host", .port = 1});
  ASSERT_FALSE(unknown.ok());
  EXPECT_TRUE(unknown.error().text().contains("no such host")) << unknown.error().text();
  Pair pair = connect_pair();
  const Address used = pair.listener->address();
  const auto twice = network().listen(used, [](const std::unique_ptr<Connection>&) {});
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(twice.error().text(), str_cat("listen on ", used.to_string(), ": Address already in use"));
  pair.listener.reset();
  const auto refused = connect(used);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(refused.error().text(), str_cat("connect to ", used.to_string(), ": Connection refused"));
}

TEST_P(TcpNetwork, DestroyedConnectionCallsNobody) {
  Pair pair = connect_pair();
  std::string into(10, '\0');
  pair.server->read({reinterpret_cast<std::byte*>(into.data()), into.size()},
                    [](const Result<size_t>&) { FAIL(); });
  // Its result may be there already, undelivered.
  const ByteSpan piece = as_bytes("x");
  pair.client->write({&piece, 1}, [](const Status&) { FAIL(); });
  pair.client.reset();
  pair.server.reset();
  Pair other = connect_pair();  // takes the slots and rounds of the loop
  EXPECT_TRUE(write(*other.client, "y").ok());
}

TEST_P(TcpNetwork, ACompletionMayDestroyItsConnection) {
  Pair pair = connect_pair();
  std::string into(10, '\0');
  bool done = false;
  // Both end in the same round; the first called destroys the connection, the other is dropped.
  pair.server->read({reinterpret_cast<std::byte*>(into.data()), into.size()}, [&](const Result<size_t>&) {
    pair.server.reset();
    done = true;
  });
  const ByteSpan piece = as_bytes("x");
  pair.client->write({&piece, 1}, [&](const Status&) { pair.client.reset(); });
  EXPECT_TRUE(run([&] { return done && !pair.client; }));
}

TEST_P(TcpNetwork, WritingToAGonePeerIsAnErrorWithoutASignal) {
  Pair pair = connect_pair();
  pair.server.reset();
  Status status;
  for (int i = 0; i < 1000 && status.ok(); ++i) status = write(*pair.client, std::string(1 << 16, 'x'));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(status.error().text().contains(pair.client->peer().to_string())) << status.error().text();
}

TEST_P(TcpNetwork, AResetIsToldAtEveryRead) {
  Pair pair = connect_pair();
  ASSERT_TRUE(write(*pair.client, "never read").ok());
  std::string one(1, '\0');
  ASSERT_TRUE(read(*pair.server, one).ok());
  pair.server.reset();  // with bytes unread, the kernel resets
  for (int i = 0; i < 3; ++i) {
    const Result<size_t> count = read(*pair.client, one);
    ASSERT_FALSE(count.ok());
    EXPECT_EQ(count.error().code(), ErrorCode::kUnavailable);
  }
}

TEST_P(TcpNetwork, OutOfDescriptorsTheListenerPausesAndRecovers) {
  std::vector<std::unique_ptr<Connection>> accepted;
  auto listener = network().listen(
      {.host = "127.0.0.1", .port = 0},
      [&](std::unique_ptr<Connection> connection) { accepted.push_back(std::move(connection)); });
  ASSERT_TRUE(listener.ok());
  std::vector<std::unique_ptr<Connection>> clients;
  const os::Descriptor client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // The kernel completes the connect by itself; only accept() needs a descriptor here.
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons((*listener)->address().port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // One connection without trouble first. It also lets a sanitizer check every type on the way, for
  // which it needs descriptors.
  const os::Descriptor first(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(first.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  env_->env().logger.debug("test", "soon", {{"error", std::generic_category().message(EMFILE)}});
  bool warm = false;
  env_->env().executor.schedule(std::chrono::milliseconds(1), [&] { warm = true; });
  ASSERT_TRUE(run([&] { return warm && accepted.size() == 1; }));
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  bool raised = false;
  env_->env().executor.schedule(std::chrono::milliseconds(20), [&] {
    EXPECT_EQ(accepted.size(), 1U);
    setrlimit(RLIMIT_NOFILE, &before);
    raised = true;
  });
  EXPECT_TRUE(run([&] { return raised && accepted.size() == 2; }));
}

TEST_P(TcpNetwork, ConnectsUnderWayAreDroppedWithTheEnv) {
  network().connect({.host = "localhost", .port = 1},
                    [](const Result<std::unique_ptr<Connection>>&) { FAIL(); });
  network().connect({.host = "127.0.0.1", .port = 1},
                    [](const Result<std::unique_ptr<Connection>>&) { FAIL(); });
  env_.reset();
}

INSTANTIATE_TEST_SUITE_P(Disks, TcpNetwork, testing::ValuesIn(disks_to_test()), disk_name);

}  // namespace
}  // namespace revd

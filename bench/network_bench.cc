// The Network seam over loopback: a server that does nothing, driven with requests of 300 bytes that are
// answered with as many. Server and client have a thread and an env each.
#include <benchmark/benchmark.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "base/linux/linux_env.h"

namespace revd {
namespace {

constexpr size_t kMessage = 300;

// Sends back what comes, as it comes.
class Echo {
 public:
  explicit Echo(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)), buffer_(size_t{64} << 10) {
    next();
  }

 private:
  void next() {
    connection_->read(buffer_, [this](const Result<size_t>& count) {
      if (!count.ok() || *count == 0) return;
      const ByteSpan answer = ByteSpan(buffer_).first(*count);
      connection_->write({&answer, 1}, [this](const Status& status) {
        if (status.ok()) next();
      });
    });
  }
  std::unique_ptr<Connection> connection_;
  std::vector<std::byte> buffer_;
};

class EchoServer {
 public:
  EchoServer() { port_.wait(0); }
  ~EchoServer() { env_.load()->stop(); }
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;
  Address address() const { return {.host = "127.0.0.1", .port = static_cast<uint16_t>(port_.load())}; }

 private:
  void serve() {
    const std::unique_ptr<LinuxEnv> env = LinuxEnv::create().value();
    env_ = env.get();
    std::vector<std::unique_ptr<Echo>> echoes;
    const auto listener = env->env()
                              .network
                              .listen({.host = "127.0.0.1", .port = 0},
                                      [&](std::unique_ptr<Connection> connection) {
                                        echoes.push_back(std::make_unique<Echo>(std::move(connection)));
                                      })
                              .value();
    port_ = listener->address().port;
    port_.notify_one();
    env->env().executor.run_until([] { return false; });
  }
  std::atomic<LinuxEnv*> env_ = nullptr;
  std::atomic<int> port_ = 0;
  std::jthread thread_{[this] { serve(); }};
};

// One connection with `in_flight` requests under way: answers are counted by their bytes, and as many
// requests as were answered go out together.
class Client {
 public:
  Client(Network& network, const Address& to, size_t in_flight)
      : in_flight_(in_flight), out_(kMessage * in_flight), in_(size_t{64} << 10) {
    network.connect(
        to, [this](Result<std::unique_ptr<Connection>> made) { connection_ = std::move(made).value(); });
  }
  bool connected() const { return connection_ != nullptr; }
  size_t answered() const { return answered_; }
  void start() {
    send(in_flight_);
    receive();
  }

 private:
  void send(size_t count) {
    to_send_ += count;
    if (sending_ || to_send_ == 0) return;
    sending_ = true;
    const ByteSpan piece = ByteSpan(out_).first(kMessage * std::exchange(to_send_, 0));
    connection_->write({&piece, 1}, [this](const Status& status) {
      CHECK(status.ok());
      sending_ = false;
      send(0);
    });
  }
  void receive() {
    connection_->read(in_, [this](const Result<size_t>& count) {
      CHECK(count.ok() && *count > 0);
      partial_ += *count;
      const size_t whole = partial_ / kMessage;
      partial_ %= kMessage;
      answered_ += whole;
      send(whole);
      receive();
    });
  }

  const size_t in_flight_;
  std::vector<std::byte> out_;
  std::vector<std::byte> in_;
  std::unique_ptr<Connection> connection_;
  size_t to_send_ = 0;
  bool sending_ = false;
  size_t partial_ = 0;
  size_t answered_ = 0;
};

// Arguments: connections, requests in flight on each.
void round_trips(benchmark::State& state) {
  const EchoServer server;
  const std::unique_ptr<LinuxEnv> env = LinuxEnv::create().value();
  std::vector<std::unique_ptr<Client>> clients;
  clients.reserve(static_cast<size_t>(state.range(0)));
  for (int64_t i = 0; i < state.range(0); ++i)
    clients.push_back(
        std::make_unique<Client>(env->env().network, server.address(), static_cast<size_t>(state.range(1))));
  const auto total = [&] {
    size_t answered = 0;
    for (const auto& client : clients) answered += client->answered();
    return answered;
  };
  env->env().executor.run_until([&] {
    for (const auto& client : clients)
      if (!client->connected()) return false;
    return true;
  });
  for (const auto& client : clients) client->start();
  constexpr size_t kBatch = 4096;
  size_t target = 0;
  while (state.KeepRunningBatch(kBatch)) {
    target += kBatch;
    env->env().executor.run_until([&] { return total() >= target; });
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(round_trips)->Args({1, 1})->Args({64, 1})->Args({16, 16})->UseRealTime();

}  // namespace
}  // namespace revd

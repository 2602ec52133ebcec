#include "base/linux/tcp_network.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "base/linux/socket_address.h"
#include "base/linux/system_error.h"
#include "base/linux/tcp_connection.h"

namespace revd::os {

namespace {

constexpr int kBacklog = 4096;        // the system cuts it to net.core.somaxconn
constexpr int kAcceptsPerEvent = 64;  // so that a storm of connects leaves time for the connected
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);  // when descriptors run out

class TcpListener final : public Listener, private EventHandler {
 public:
  TcpListener(EventLoop& loop, Logger& logger, Descriptor socket, Network::Accepted accepted)
      : loop_(loop),
        logger_(logger),
        socket_(std::move(socket)),
        address_(local_address(socket_.get()).to_address()),
        accepted_(std::move(accepted)),
        token_(loop.add_handler(*this)),
        pause_(loop) {}
  ~TcpListener() override {
    stop_watching();
    loop_.remove_handler(token_);
  }

  Address address() const override { return address_; }

  Status start_watching() {
    TRY(loop_.watch(token_, socket_.get(), EPOLLIN));
    watching_ = true;
    return {};
  }

 private:
  void stop_watching() {
    if (std::exchange(watching_, false)) loop_.unwatch(socket_.get());
  }

  void on_events(uint32_t) override {
    EventLoop& loop = loop_;
    const EventLoop::Token token = token_;
    for (int i = 0; i < kAcceptsPerEvent && loop.is_alive(token); ++i)
      if (!accept_one()) return;
  }

  // False if there is nothing to accept now.
  bool accept_one() {
    SocketAddress peer;
    peer.length = sizeof peer.storage;
    Descriptor socket(accept4(socket_.get(), peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.valid()) {
      const int number = errno;
      if (number == EAGAIN || number == EWOULDBLOCK) return false;
      if (number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM) {
        pause(number);
        return false;
      }
      return true;  // that connection is gone again; the next may be fine
    }
    Result<std::unique_ptr<Connection>> connection =
        TcpConnection::create(loop_, std::move(socket), peer.to_address());
    if (connection.ok()) accepted_(std::move(*connection));
    return true;
  }

  // The socket stays readable while nothing can be accepted: watching it would spin.
  void pause(int number) {
    logger_.warning("net", "cannot accept connections",
                    {{"address", address_.to_string()}, {"error", errno_text(number)}});
    stop_watching();
    pause_.start(kAcceptPause, [this] {
      if (!start_watching().ok()) pause(errno);
    });
  }

  EventLoop& loop_;
  Logger& logger_;
  Descriptor socket_;
  const Address address_;
  Network::Accepted accepted_;
  EventLoop::Token token_;
  bool watching_ = false;
  Timer pause_;
};

Result<Descriptor> open_listening_socket(const SocketAddress& at) {
  Descriptor socket(::socket(at.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return io_error("socket", errno);
  const int on = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(socket.get(), at.get(), at.length) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    const int number = errno;
    const std::string text = str_cat("listen on ", at.to_address().to_string(), ": ", errno_text(number));
    switch (number) {
      case EADDRINUSE: return Error(ErrorCode::kUnavailable, text);
      case EADDRNOTAVAIL:
      case EINVAL: return Error(ErrorCode::kInvalidArgument, text);
      case EACCES: return Error(ErrorCode::kPermissionDenied, text);
      default: return Error(ErrorCode::kIo, text);
    }
  }
  return socket;
}

}  // namespace

// Tries one address after the other until one answers.
class Connector final : private EventHandler {
 public:
  Connector(TcpNetwork& network, uint64_t id, Address to, Network::Connected connected)
      : network_(network),
        loop_(network.loop_),
        id_(id),
        to_(std::move(to)),
        connected_(std::move(connected)),
        token_(loop_.add_handler(*this)) {}
  ~Connector() override {
    drop_socket();
    loop_.remove_handler(token_);
  }

  EventLoop::Token token() const { return token_; }
  const Address& address() const { return to_; }

  // Result of the look-up. Not inside Network::connect().
  void start(Result<std::vector<SocketAddress>> found) {
    if (!found.ok()) return finish(std::move(found).error());
    candidates_ = std::move(*found);
    try_next();
  }

 private:
  void try_next() {
    while (next_ < candidates_.size()) {
      const SocketAddress& at = candidates_[next_++];
      socket_ = Descriptor(::socket(at.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      if (!socket_.valid()) {
        error_ = errno;
        continue;
      }
      int failed = 0;
      if (::connect(socket_.get(), at.get(), at.length) != 0) failed = errno;
      if (failed == 0 || failed == EINPROGRESS) {
        // Level-triggered: a connect that ended already is reported too.
        const Status watched = loop_.watch(token_, socket_.get(), EPOLLOUT);
        if (!watched.ok()) {
          socket_.reset();
          return finish(watched.error());
        }
        watching_ = true;
        return;
      }
      error_ = failed;
      socket_.reset();
    }
    finish(Error(ErrorCode::kUnavailable, str_cat("connect to ", to_.to_string(), ": ", errno_text(error_))));
  }

  void on_events(uint32_t) override {
    int failed = 0;
    socklen_t length = sizeof failed;
    if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &failed, &length) != 0) failed = errno;
    // Looking for a listener on a port that the system also lends to clients, a socket can meet itself.
    if (failed == 0 && local_address(socket_.get()) == peer_address(socket_.get())) failed = ECONNREFUSED;
    if (failed != 0) {
      error_ = failed;
      drop_socket();
      return try_next();
    }
    loop_.unwatch(socket_.get());
    watching_ = false;
    const Address peer = peer_address(socket_.get()).to_address();
    finish(TcpConnection::create(loop_, std::move(socket_), peer));
  }

  void drop_socket() {
    if (std::exchange(watching_, false)) loop_.unwatch(socket_.get());
    socket_.reset();
  }

  // Destroys this object.
  void finish(Result<std::unique_ptr<Connection>> result) {
    Network::Connected connected = std::move(connected_);
    network_.end(id_);
    connected(std::move(result));
  }

  TcpNetwork& network_;
  EventLoop& loop_;
  const uint64_t id_;
  const Address to_;
  Network::Connected connected_;
  const EventLoop::Token token_;
  std::vector<SocketAddress> candidates_;
  size_t next_ = 0;
  Descriptor socket_;
  bool watching_ = false;
  int error_ = 0;
};

TcpNetwork::TcpNetwork(EventLoop& loop, Logger& logger)
    : loop_(loop), logger_(logger), lookups_(loop, "revd-lookup", 1) {}

TcpNetwork::~TcpNetwork() { shut_down(); }

void TcpNetwork::shut_down() {
  lookups_.shut_down();
  connectors_.clear();
}

void TcpNetwork::end(uint64_t connector) { connectors_.erase(connector); }

Result<std::unique_ptr<Listener>> TcpNetwork::listen(const Address& at, Accepted accepted) {
  TRY_ASSIGN(const std::vector<SocketAddress> found, resolve(at, NameLookup::kBlocking, true));
  TRY_ASSIGN(Descriptor socket, open_listening_socket(found.front()));
  auto listener = std::make_unique<TcpListener>(loop_, logger_, std::move(socket), std::move(accepted));
  TRY(listener->start_watching());
  return std::unique_ptr<Listener>(std::move(listener));
}

void TcpNetwork::connect(const Address& to, Connected connected) {
  const uint64_t id = next_connector_++;
  Connector& connector =
      *connectors_.emplace(id, std::make_unique<Connector>(*this, id, to, std::move(connected)))
           .first->second;
  // The connector is there until start() has been called, or the network is gone and the task with it.
  Result<std::vector<SocketAddress>> numeric = resolve(to, NameLookup::kNumericOnly, false);
  if (numeric.ok()) {
    loop_.post([&connector, found = std::move(numeric)]() mutable { connector.start(std::move(found)); });
    return;
  }
  auto found = std::make_shared<Result<std::vector<SocketAddress>>>(std::move(numeric));
  lookups_.run([to, found] { *found = resolve(to, NameLookup::kBlocking, false); },
               [&connector, found] { connector.start(std::move(*found)); });
}

}  // namespace revd::os

#include "base/linux/tcp_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "base/check.h"
#include "base/linux/system_error.h"

namespace revd::os {

namespace {

Error cancelled() { return Error(ErrorCode::kCancelled, "the connection was closed"); }

bool would_block(int number) { return number == EAGAIN || number == EWOULDBLOCK; }

}  // namespace

Result<std::unique_ptr<Connection>> TcpConnection::create(EventLoop& loop, Descriptor socket, Address peer) {
  const int on = 1;
  if (setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
    return io_error("setsockopt TCP_NODELAY", errno);
  std::unique_ptr<TcpConnection> connection(new TcpConnection(loop, std::move(socket), std::move(peer)));
  const int descriptor = connection->socket_.get();
  if (Status watched = loop.watch(connection->token_, descriptor, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
      !watched.ok()) {
    connection->socket_.reset();
    return std::move(watched).error();
  }
  return std::unique_ptr<Connection>(std::move(connection));
}

TcpConnection::TcpConnection(EventLoop& loop, Descriptor socket, Address peer)
    : loop_(loop), socket_(std::move(socket)), peer_(std::move(peer)), token_(loop.add_handler(*this)) {}

TcpConnection::~TcpConnection() {
  if (socket_.valid()) loop_.unwatch(socket_.get());
  loop_.remove_handler(token_);
}

Error TcpConnection::error(const char* what, int number) const {
  return Error(ErrorCode::kUnavailable, str_cat(what, " ", peer_.to_string(), ": ", errno_text(number)));
}

void TcpConnection::read(MutableByteSpan into, ReadDone done) {
  CHECK_MSG(!read_done_, "one read at a time");
  CHECK(!into.empty());
  read_into_ = into;
  read_done_ = std::move(done);
  if (!socket_.valid())
    finish_read(cancelled());
  else if (readable_)
    try_read();
}

void TcpConnection::write(std::span<const ByteSpan> pieces, WriteDone done) {
  CHECK_MSG(!write_done_, "one write at a time");
  write_done_ = std::move(done);
  unsent_.clear();
  first_unsent_ = 0;
  for (const ByteSpan piece : pieces)
    if (!piece.empty())
      unsent_.push_back(iovec{.iov_base = const_cast<std::byte*>(piece.data()), .iov_len = piece.size()});
  if (!socket_.valid())
    finish_write(cancelled());
  else if (writable_)
    try_write();
}

void TcpConnection::close() {
  if (!socket_.valid()) return;
  loop_.unwatch(socket_.get());
  ::shutdown(socket_.get(), SHUT_RDWR);
  socket_.reset();
  if (read_done_ && !read_result_) finish_read(cancelled());
  if (write_done_ && !write_result_) finish_write(cancelled());
}

void TcpConnection::on_events(uint32_t events) {
  if (!socket_.valid()) return;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) ended_ = true;
  if ((events & EPOLLIN) != 0 || ended_) readable_ = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) writable_ = true;
  if (readable_ && read_done_ && !read_result_) try_read();
  if (writable_ && write_done_ && !write_result_) try_write();
}

void TcpConnection::try_read() {
  if (broken_) return finish_read(*broken_);
  for (;;) {
    const ssize_t count = ::recv(socket_.get(), read_into_.data(), read_into_.size(), 0);
    if (count >= 0) {
      // Short means that the socket is empty, and news will be an edge.
      if (static_cast<size_t>(count) < read_into_.size() && count > 0 && !ended_) readable_ = false;
      return finish_read(static_cast<size_t>(count));
    }
    if (errno == EINTR) continue;
    if (would_block(errno)) {
      readable_ = false;
      return;
    }
    broken_ = error("read from", errno);
    return finish_read(*broken_);
  }
}

void TcpConnection::try_write() {
  while (first_unsent_ < unsent_.size()) {
    if (broken_) return finish_write(*broken_);
    msghdr message{};
    message.msg_iov = &unsent_[first_unsent_];
    message.msg_iovlen = std::min<size_t>(unsent_.size() - first_unsent_, IOV_MAX);
    const ssize_t count = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (count >= 0) {
      advance_write(static_cast<size_t>(count));
    } else if (would_block(errno)) {
      writable_ = false;
      return;
    } else if (errno != EINTR) {
      // Not kept for reading: what the peer sent before it went away can still be read.
      return finish_write(error("write to", errno));
    }
  }
  finish_write({});
}

void TcpConnection::advance_write(size_t count) {
  while (count > 0) {
    iovec& piece = unsent_[first_unsent_];
    const size_t part = std::min(count, piece.iov_len);
    piece.iov_base = static_cast<std::byte*>(piece.iov_base) + part;
    piece.iov_len -= part;
    count -= part;
    if (piece.iov_len == 0) ++first_unsent_;
  }
}

void TcpConnection::finish_read(Result<size_t> result) {
  read_result_ = std::move(result);
  queue();
}

void TcpConnection::finish_write(Status result) {
  write_result_ = std::move(result);
  queue();
}

void TcpConnection::queue() {
  if (std::exchange(queued_, true)) return;
  loop_.make_ready(token_);
}

void TcpConnection::on_ready() {
  queued_ = false;
  EventLoop& loop = loop_;
  const EventLoop::Token token = token_;
  if (write_result_) {
    WriteDone done = std::exchange(write_done_, nullptr);
    Status result = std::move(*write_result_);
    write_result_.reset();
    done(std::move(result));
    if (!loop.is_alive(token)) return;  // the call destroyed this connection
  }
  if (read_result_) {
    ReadDone done = std::exchange(read_done_, nullptr);
    Result<size_t> result = std::move(*read_result_);
    read_result_.reset();
    done(std::move(result));
  }
}

}  // namespace revd::os

// Channel: the byte stream under a protocol's connection, and who is at its other end.
//
// Plain over TCP here; a TLS channel does its handshake within the first reads and writes, so that
// nobody above it sees a difference. Thread rule, buffers and errors: as Connection (base/network.h).
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "base/network.h"
#include "server/service.h"

namespace revd {

class Channel {
 public:
  virtual ~Channel() = default;
  virtual void read(MutableByteSpan into, Connection::ReadDone done) = 0;
  virtual void write(std::span<const ByteSpan> pieces, Connection::WriteDone done) = 0;
  virtual void close() = 0;
  virtual Address peer() const = 0;
  // Who the channel itself has proved the peer to be (by a certificate); empty user if nobody. Not null.
  virtual std::shared_ptr<const Principal> principal() const = 0;
};

class PlainChannel final : public Channel {
 public:
  explicit PlainChannel(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)), principal_(std::make_shared<Principal>()) {}

  void read(MutableByteSpan into, Connection::ReadDone done) override {
    connection_->read(into, std::move(done));
  }
  void write(std::span<const ByteSpan> pieces, Connection::WriteDone done) override {
    connection_->write(pieces, std::move(done));
  }
  void close() override { connection_->close(); }
  Address peer() const override { return connection_->peer(); }
  std::shared_ptr<const Principal> principal() const override { return principal_; }

 private:
  std::unique_ptr<Connection> connection_;
  std::shared_ptr<const Principal> principal_;
};

// Puts a channel on each accepted connection.
using ChannelFactory = std::function<std::unique_ptr<Channel>(std::unique_ptr<Connection>)>;

inline std::unique_ptr<Channel> plain_channel(std::unique_ptr<Connection> connection) {
  return std::make_unique<PlainChannel>(std::move(connection));
}

}  // namespace revd

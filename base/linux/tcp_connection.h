// TcpConnection: a non-blocking socket in the loop.
//
// Tries at once (recv, sendmsg), and waits for the loop's edge-triggered events only where the socket
// says that it would block; a read that came back short has emptied the socket, so the next one waits
// without asking. Results are kept and handed over by on_ready(), never inside read() or write().
//
// Thread rule: base/network.h. Owns the socket, borrows the loop.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <optional>
#include <vector>

#include "base/linux/descriptor.h"
#include "base/linux/event_loop.h"
#include "base/network.h"

namespace revd::os {

class TcpConnection final : public Connection, private EventHandler {
 public:
  // `socket` is connected and non-blocking.
  static Result<std::unique_ptr<Connection>> create(EventLoop& loop, Descriptor socket, Address peer);
  ~TcpConnection() override;
  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;

  void read(MutableByteSpan into, ReadDone done) override;
  void write(std::span<const ByteSpan> pieces, WriteDone done) override;
  void close() override;
  Address peer() const override { return peer_; }

 private:
  TcpConnection(EventLoop& loop, Descriptor socket, Address peer);
  void on_events(uint32_t events) override;
  void on_ready() override;
  void try_read();
  void try_write();
  // Drops what `count` bytes cover from the front of unsent_.
  void advance_write(size_t count);
  void finish_read(Result<size_t> result);
  void finish_write(Status result);
  void queue();
  Error error(const char* what, int number) const;

  EventLoop& loop_;
  Descriptor socket_;  // invalid after close()
  const Address peer_;
  EventLoop::Token token_;
  bool readable_ = true;         // recv may give something
  bool writable_ = true;         // sendmsg may take something
  bool ended_ = false;           // the end or an error is in the receive queue: stay readable
  bool queued_ = false;          // on_ready() will come
  std::optional<Error> broken_;  // the socket's error, which the system tells only once

  MutableByteSpan read_into_;
  ReadDone read_done_;  // set while a read is outstanding
  std::optional<Result<size_t>> read_result_;
  std::vector<iovec> unsent_;
  size_t first_unsent_ = 0;
  WriteDone write_done_;  // set while a write is outstanding
  std::optional<Status> write_result_;
};

}  // namespace revd::os

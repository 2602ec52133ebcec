// Network: byte streams between addresses. Implementations: base/linux (TCP), tests/sim.
//
// Thread rule: one reactor thread; completions are never delivered inside the call that started
// them. Ownership: buffers belong to the caller and stay untouched until the completion; a
// Connection may be destroyed at any time, after which no completion of it is called.
// Errors: kUnavailable (refused, reset, unreachable), kInvalidArgument (a bad address), kIo.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace revd {

// "127.0.0.1:7480", "[::1]:7480" or "host:port"; port 0 lets the system choose when listening.
struct Address {
  std::string host;
  uint16_t port = 0;
  std::string to_string() const;
  static Result<Address> parse(std::string_view text);
  friend bool operator==(const Address&, const Address&) = default;
};

// An ordered byte stream.
class Connection {
 public:
  virtual ~Connection() = default;
  using ReadDone = std::move_only_function<void(Result<size_t>)>;
  using WriteDone = std::move_only_function<void(Status)>;

  // Reads at least one byte; 0 means that the peer has closed its side. One read at a time.
  virtual void read(MutableByteSpan into, ReadDone done) = 0;
  // Writes all of the pieces in order, in one system call where it can. One write at a time. The
  // array of pieces is copied, what they point to is not.
  virtual void write(std::span<const ByteSpan> pieces, WriteDone done) = 0;
  // Ends both directions; outstanding completions come with kCancelled. Idempotent.
  virtual void close() = 0;
  virtual Address peer() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;
  // Where it listens, with the port that the system chose.
  virtual Address address() const = 0;
};

class Network {
 public:
  virtual ~Network() = default;
  using Accepted = std::move_only_function<void(std::unique_ptr<Connection>)>;
  using Connected = std::move_only_function<void(Result<std::unique_ptr<Connection>>)>;

  // Accepts until the Listener is destroyed. `accepted` is called once per connection.
  virtual Result<std::unique_ptr<Listener>> listen(const Address& at, Accepted accepted) = 0;
  // Has no time limit of its own: who wants one destroys or ignores what comes too late.
  virtual void connect(const Address& to, Connected connected) = 0;
};

}  // namespace revd

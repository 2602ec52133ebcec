// ClientSession: the session that makes this client's writes apply once.
//
// Opened before the first write, kept alive, opened anew when the server no longer knows it. Hands out
// stamps: sequence numbers count from 1, and each stamp carries the lowest one that is still
// unacknowledged. Thread rule: reactor. Borrows what it is made from. Meaning: mvcc/README.md.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <utility>

#include "base/env.h"
#include "server/client/options.h"
#include "server/protocol/messages.h"

namespace revd {

class ClientSession {
 public:
  // Sends a request outside of any session, repeated until answered.
  using Send = std::function<void(Request request, std::function<void(Result<Response>)> done)>;

  // `opened` is called when stamps can be had again.
  ClientSession(Env& env, const ClientOptions& options, Send send, std::function<void()> opened)
      : options_(options), send_(std::move(send)), opened_(std::move(opened)), timer_(env.executor) {}

  // Whether stamp() may be called: the session is open and its window has room. If it isn't open, it is being
  // opened from now on.
  bool ready();
  // Requires ready(). The sequence is outstanding until acknowledge().
  RequestHeader stamp();
  // The same write again: brings the lowest unacknowledged sequence up to date.
  void refresh(RequestHeader& header) const;
  // Nobody waits for the write's answer any more.
  void acknowledge(SessionId session, uint64_t sequence);
  bool is_current(SessionId session) const { return open_ && session == id_; }
  // The server said that it doesn't know this one. Opens another when next asked.
  void expired(SessionId session);
  SessionId id() const { return open_ ? id_ : SessionId(); }
  // Why the last opening failed for good; cleared by reading.
  std::optional<Error> take_error() { return std::exchange(error_, std::nullopt); }

 private:
  void open();
  void keep_alive();
  void arm();

  const ClientOptions& options_;
  Send send_;
  std::function<void()> opened_;
  Timer timer_;
  bool open_ = false;
  bool opening_ = false;
  SessionId id_;
  uint64_t next_ = 1;
  std::set<uint64_t> outstanding_;
  bool used_ = false;    // since the last keep-alive
  bool asking_ = false;  // a keep-alive is on its way
  std::optional<Error> error_;
};

}  // namespace revd

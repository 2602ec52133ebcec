// Link: one connection to one server, from the dial to its end. Knows frames, nothing of retries.
//
// Thread rule: reactor. Ownership: the Connector owns it and destroys it in a task of its own, never
// inside a callback; it borrows Env and options. Every request's handler is called until its last
// event, which is either an answer or the link's end. Errors: the end's reason. Format: server/protocol.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/env.h"
#include "server/client/options.h"
#include "server/protocol/handshake.h"
#include "server/protocol/input_buffer.h"
#include "server/protocol/messages.h"
#include "server/protocol/output_queue.h"

namespace revd {

// What becomes of a request.
struct LinkEvent {
  bool last = true;        // nothing will follow
  bool lost = false;       // the link ended; `outcome` says why
  bool not_begun = false;  // lost, and the server has certainly not looked at the request
  size_t bytes = 0;        // of the answer's message
  AnswerHeader header;
  Result<Response> outcome = Error(ErrorCode::kUnavailable, "no answer");
};

class Link {
 public:
  using Handler = std::function<void(LinkEvent event)>;
  // The handshake is done; called once at most.
  using Up = std::function<void(const protocol::ServerIntroduction& server)>;
  // Called once, after the handlers' last events: why it ended.
  using Down = std::function<void(const Error& reason)>;

  Link(Env& env, const ClientOptions& options, Address to, Up on_up, Down on_down);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  const Address& address() const { return address_; }
  bool up() const { return state_ == State::kUp; }
  const protocol::ServerIntroduction& server() const { return server_; }

  // Requires up(). Returns the request id. A request that no frame can hold isn't sent, and its handler
  // gets "request is too large".
  uint64_t send(const RequestHeader& header, const Request& request, Handler handler);
  // Nothing of ids that aren't there (any more). The handler still gets its last event.
  void cancel(uint64_t id);
  void give_credit(uint64_t id, uint64_t bytes);
  // Ends it; handlers see it as lost. Not inside a handler.
  void end(const Error& reason);

 private:
  enum class State { kConnecting, kHandshake, kUp, kDown };
  struct Pending {
    uint16_t type = 0;
    Handler handler;
    std::string partial;
  };

  void connected(Result<std::unique_ptr<Connection>> connection);
  void read();
  void read_done(Result<size_t> count);
  void take_welcome();
  void take_frames();
  Status take_frame(const protocol::Frame& frame);
  void control(uint16_t type, uint64_t id, std::string body);
  void schedule_flush();
  void flush();
  void beat();
  void down(const Error& reason, bool unanswered_not_begun);

  Env& env_;
  const ClientOptions& options_;
  const Address address_;
  Up up_;
  Down down_;
  State state_ = State::kConnecting;
  std::unique_ptr<Connection> connection_;
  protocol::Hello hello_;
  protocol::ServerIntroduction server_;
  InputBuffer input_;
  OutputQueue output_;
  bool writing_ = false;
  bool flush_scheduled_ = false;
  std::map<uint64_t, Pending> pending_;
  uint64_t last_id_ = 0;
  bool heard_ = false;           // since the last beat
  bool pinged_ = false;          // and not answered
  Timer timer_;                  // connecting, then the beat
  std::shared_ptr<Link*> self_;  // what callbacks hold weakly
};

}  // namespace revd

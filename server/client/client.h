// Client: asynchronous calls to a cluster, over Env alone.
//
//   Client client(env, {.endpoints = {{"127.0.0.1", 7480}}});
//   client.call(PutRequest{.key = "k", .value = "v"}, {}, [](Result<PutResponse> done, const AnswerHeader&)
//   {...});
//
// Calls wait for a connection, are repeated where that is safe, and end by their deadline at the
// latest. Reads are repeated at will. Writes go through a session, which applies each once, however
// often it is sent; outcome_unknown() (outcome.h) tells the errors after which a write may have happened.
//
// Thread rule: reactor; blocking_client.h waits. Ownership: borrows Env, owns its connection. Destroying
// it drops all calls without calling back; not inside a callback. Callbacks come from the
// executor, never inside the call that started them. Errors: the server's (mvcc/command/errors.h),
// kDeadlineExceeded.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/env.h"
#include "server/client/connector.h"
#include "server/client/options.h"
#include "server/client/outcome.h"
#include "server/client/session.h"
#include "server/protocol/messages.h"

namespace revd {

template <typename RequestT>
using ResponseOf = typename protocol::MethodOf<RequestT>::ResponseType;

// Something that lives over many connections (a watch, a range in pages): told about each new one.
class LinkUser {
 public:
  virtual ~LinkUser() = default;
  virtual void link_up(Link& link) = 0;
};

struct ClientCounts {
  uint64_t calls = 0;
  uint64_t sends = 0;    // requests on the wire, repeated ones included
  uint64_t repeats = 0;  // of those
  uint64_t unknown = 0;  // writes that ended with an unknown outcome
};

class Client {
 public:
  Client(Env& env, ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  template <typename T>
  using Done = std::function<void(Result<T> outcome, const AnswerHeader& header)>;

  // Any request but streams (watch.h, range_pages.h, snapshot_stream.h).
  template <typename RequestT>
  void call(RequestT request, CallOptions options, Done<ResponseOf<RequestT>> done) {
    static_assert(protocol::MethodOf<RequestT>::kKind != protocol::Kind::kStream,
                  "use the stream's own class");
    using T = ResponseOf<RequestT>;
    start(Request(std::move(request)), options,
          [done = std::move(done)](Result<Response> outcome, const AnswerHeader& header) {
            if (outcome.ok())
              done(std::get<T>(std::move(*outcome)), header);
            else
              done(std::move(outcome).error(), header);
          });
  }
  void start(Request request, CallOptions options, Done<Response> done);

  // Calls without an answer yet: for whoever keeps many in flight, and not too many.
  size_t in_flight() const { return calls_.size(); }
  const ClientCounts& counts() const { return counts_; }
  const ClientOptions& options() const { return options_; }
  Env& env() { return env_; }
  Connector& connector() { return connector_; }
  SessionId session() const { return session_.id(); }

  // ---- For streams. A user must leave before it is destroyed.
  void add(LinkUser& user) { users_.insert({++last_user_, &user}); }
  void remove(LinkUser& user);
  Link* link() { return connector_.link(); }

 private:
  struct CallState;

  void pump();
  void pump_set(std::set<uint64_t>& ready, bool writes);
  void transmit(CallState& call, Link& link);
  void on_event(uint64_t id, uint32_t attempt, LinkEvent event);
  void on_lost(CallState& call, const LinkEvent& event);
  void on_error(CallState& call, const Error& error, const AnswerHeader& header);
  void on_session_expired(CallState& call, const Error& error, const AnswerHeader& header);
  void repeat_later(CallState& call);
  void fail(CallState& call, const Error& error, const AnswerHeader& header = {});
  void finish(CallState& call, Result<Response> outcome, const AnswerHeader& header);
  void time_out(uint64_t id);
  void fail_writes_without_session(const Error& error);
  void make_ready(CallState& call);
  void link_up();

  Env& env_;
  const ClientOptions options_;
  ClientCounts counts_;
  std::map<uint64_t, std::unique_ptr<CallState>> calls_;
  uint64_t last_call_ = 0;
  std::set<uint64_t> ready_;         // to be sent, in order
  std::set<uint64_t> ready_writes_;  // the same, of those that need a stamp
  std::map<uint64_t, LinkUser*> users_;
  uint64_t last_user_ = 0;
  ClientSession session_;
  Connector connector_;
};

}  // namespace revd

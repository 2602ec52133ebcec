// Service: what a door (binary protocol, later gRPC; in-process calls) asks, and how it is answered.
//
// A door turns whatever it speaks into a Call and hands it over; a service answers through the
// call's Reply. Neither knows the other: no frame, socket or library of a door is seen here, and no
// tree there. TLS and users come with Channel and Principal, without a change to services.
//
// Thread rule: the node's reactor. A service may answer inside start() or at any time later.
// Ownership: the service owns the Call, with its Reply, until it answered or drops it. Destroying a
// Reply without its last answer answers kStopped ("etcdserver: server stopped") in its place.
// Errors: a Result with an error of mvcc/command/errors.h, or any other; doors translate.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/executor.h"
#include "base/ids.h"
#include "base/result.h"
#include "server/protocol/messages.h"
#include "server/protocol/methods.h"

namespace revd {

// On whose behalf a call is made. Empty: nobody in particular (no users are set up).
struct Principal {
  std::string user;
};

// Names one connection (or in-process caller) for as long as the process lives: the scope of watch
// ids, of duplicates among them, and of progress. Never 0.
using CallerId = StrongId<struct CallerIdTag>;

// Where the answers of one call go.
class Reply {
 public:
  virtual ~Reply() = default;

  // A stream's answer, with more to follow. Begin one only while credit_bytes() > 0; its size
  // doesn't matter then. Does nothing once the caller is gone.
  virtual void send(const AnswerHeader& header, Response response) = 0;
  // The last or only answer; nothing may be called afterwards. The size of a single answer needs no credit,
  // but a service about to make a large one does well to wait for some.
  virtual void finish(const AnswerHeader& header, Result<Response> outcome) = 0;

  // Bytes that the caller is ready to take now: its stream's credit, its connection's queue and the
  // process's memory, whichever has least. May be negative.
  virtual int64_t credit_bytes() const = 0;
  // Runs `task` once, later, when credit_bytes() > 0; at once (but never inside this call) if it is. A second
  // call replaces the first. Never runs after the Reply is destroyed. The task may own the Call:
  // it is destroyed, and the Call with it, when the caller is gone.
  virtual void when_credit(Task task) = 0;
  // The caller has gone, cancelled, or its deadline has passed: nobody waits for this answer.
  virtual bool gone() const = 0;
  // Runs `task` once when gone() becomes true, never inside another call of the service's. The same rules.
  virtual void when_gone(Task task) = 0;
};

// A write's place in its session: such a write is applied once. session 0: none.
struct SessionStamp {
  SessionId session;
  uint64_t sequence = 0;
  uint64_t lowest_unacknowledged = 0;
};

struct Call {
  CallerId caller;
  std::shared_ptr<const Principal> principal;  // never null
  // After it nobody waits any more. Doors answer kTimeout by themselves then, and the Reply is gone();
  // what a service does on account of it is only to save work.
  std::optional<Instant> deadline;
  SessionStamp stamp;
  uint64_t request_bytes = 0;  // as encoded, for limits
  Request request;
  std::unique_ptr<Reply> reply;  // never null
};

class Service {
 public:
  virtual ~Service() = default;
  virtual void start(Call call) = 0;
  // What stands in the header of answers that the door makes itself (errors, pings).
  virtual AnswerHeader header() const = 0;
};

}  // namespace revd

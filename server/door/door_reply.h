// DoorReply: the Reply of a request that came through a connection.
//
// Bound to its connection until the last answer, the caller's end, a cancel or the deadline; then it
// is detached: gone(), and its sends do nothing. Thread rule: reactor. Owned by the service; the
// connection keeps a plain pointer while it is bound, and each tells the other when it ends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/executor.h"
#include "server/service.h"

namespace revd {

class ServerConnection;

// What a connection knows of one of its requests.
struct CallState {
  uint64_t id = 0;
  uint16_t type = 0;
  bool stream = false;
  bool open = false;           // a stream whose first answer went out
  bool counts_credit = false;  // the client said how much it takes
  int64_t credit_bytes = 0;    // what it takes now
  uint64_t request_bytes = 0;  // while it is in flight
  std::optional<Instant> deadline;
  Instant started;
};

class DoorReply final : public Reply {
 public:
  DoorReply(std::shared_ptr<ServerConnection> connection, CallState state);
  ~DoorReply() override;

  void send(const AnswerHeader& header, Response response) override;
  void finish(const AnswerHeader& header, Result<Response> outcome) override;
  int64_t credit_bytes() const override;
  void when_credit(Task task) override;
  bool gone() const override { return connection_ == nullptr; }
  void when_gone(Task task) override;

  // ---- For the connection.
  CallState& state() { return state_; }
  // Unbinds; posts the service's task if `tell`. May destroy this reply: what waits for credit goes.
  void detach(bool tell);
  bool waits_for_credit() const { return waits_for_credit_; }
  // Runs the task of when_credit(), which may destroy this reply.
  void give_credit();

 private:
  // Outlives the reply by nothing: a posted task that finds it gone does nothing.
  struct Tasks {
    Task credit;
    Task gone;
  };
  void post(Task Tasks::* which);

  std::shared_ptr<ServerConnection> connection_;  // null once detached
  Executor& executor_;
  CallState state_;
  std::shared_ptr<Tasks> tasks_;  // made when the service first asks
  bool waits_for_credit_ = false;
};

}  // namespace revd

#include "server/door/door_reply.h"

#include <utility>

#include "base/check.h"
#include "mvcc/command/errors.h"
#include "server/door/server_connection.h"

namespace revd {

DoorReply::DoorReply(std::shared_ptr<ServerConnection> connection, CallState state)
    : connection_(std::move(connection)), executor_(connection_->executor()), state_(std::move(state)) {}

DoorReply::~DoorReply() {
  if (connection_) finish(connection_->service_header(), api_error(ApiError::kStopped));
}

void DoorReply::send(const AnswerHeader& header, Response response) {
  CHECK_MSG(state_.stream, "only a stream has several answers");
  if (connection_) connection_->answer(*this, header, std::move(response), /*last=*/false);
}

void DoorReply::finish(const AnswerHeader& header, Result<Response> outcome) {
  if (!connection_) return;
  const std::shared_ptr<ServerConnection> connection = connection_;
  connection->answer(*this, header, std::move(outcome), /*last=*/true);
}

int64_t DoorReply::credit_bytes() const {
  if (!connection_) return 0;
  const int64_t room = connection_->room_bytes();
  return state_.counts_credit ? std::min(room, state_.credit_bytes) : room;
}

void DoorReply::when_credit(Task task) {
  if (!connection_) return;
  if (!tasks_) tasks_ = std::make_shared<Tasks>();
  tasks_->credit = std::move(task);
  waits_for_credit_ = true;
  connection_->queue_for_credit(*this);
}

void DoorReply::when_gone(Task task) {
  if (!tasks_) tasks_ = std::make_shared<Tasks>();
  tasks_->gone = std::move(task);
  if (!connection_) post(&Tasks::gone);
}

// What the service waits with may own the call, and so this reply: it goes last.
void DoorReply::detach(bool tell) {
  connection_ = nullptr;
  waits_for_credit_ = false;
  if (!tasks_) return;
  if (tell && tasks_->gone) post(&Tasks::gone);
  const Task forgotten = std::exchange(tasks_->credit, nullptr);
}

void DoorReply::give_credit() {
  waits_for_credit_ = false;
  Task task = std::exchange(tasks_->credit, nullptr);
  if (task) task();
}

void DoorReply::post(Task Tasks::* which) {
  executor_.post([held = std::weak_ptr<Tasks>(tasks_), which] {
    const std::shared_ptr<Tasks> tasks = held.lock();
    if (!tasks) return;
    Task task = std::exchange((*tasks).*which, nullptr);
    if (task) task();
  });
}

}  // namespace revd

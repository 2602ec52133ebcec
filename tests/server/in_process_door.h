// InProcessDoor: calls a Service without any protocol, the proof that services know no door.
//
// One caller per object. Answers are kept in order; credit is unlimited unless set.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/env.h"
#include "server/service.h"

namespace revd {

// What one call has been answered so far.
struct InProcessCall {
  struct Answer {
    AnswerHeader header;
    Result<Response> outcome;
  };
  std::vector<Answer> answers;
  bool finished = false;
  bool gone = false;
  int64_t credit_bytes = int64_t{1} << 40;
  Task credit_task;
  Task gone_task;
};

class InProcessDoor {
 public:
  InProcessDoor(Executor& executor, Service& service, CallerId caller = CallerId(1))
      : executor_(executor), service_(service), caller_(caller) {}

  std::shared_ptr<InProcessCall> start(Request request, SessionStamp stamp = {},
                                       std::optional<Instant> deadline = {}) {
    auto state = std::make_shared<InProcessCall>();
    Call call;
    call.caller = caller_;
    call.principal = principal_;
    call.deadline = deadline;
    call.stamp = stamp;
    call.request = std::move(request);
    call.reply = std::make_unique<LocalReply>(executor_, state);
    service_.start(std::move(call));
    return state;
  }
  // Nobody waits for the call any more.
  void leave(InProcessCall& call) {
    call.gone = true;
    if (call.gone_task) executor_.post(std::exchange(call.gone_task, nullptr));
  }
  void give_credit(InProcessCall& call, int64_t bytes) {
    call.credit_bytes += bytes;
    if (call.credit_bytes > 0 && call.credit_task) executor_.post(std::exchange(call.credit_task, nullptr));
  }

 private:
  class LocalReply final : public Reply {
   public:
    LocalReply(Executor& executor, std::shared_ptr<InProcessCall> state)
        : executor_(executor), state_(std::move(state)) {}
    ~LocalReply() override {
      if (!state_->finished) finish({}, Error(ErrorCode::kUnavailable, "etcdserver: server stopped"));
      state_->credit_task = nullptr;
      state_->gone_task = nullptr;
    }
    void send(const AnswerHeader& header, Response response) override {
      CHECK(!state_->finished);
      if (state_->gone) return;
      state_->credit_bytes -= static_cast<int64_t>(protocol::encode_answer(header, response).size());
      state_->answers.push_back({header, std::move(response)});
    }
    void finish(const AnswerHeader& header, Result<Response> outcome) override {
      CHECK(!state_->finished);
      state_->finished = true;
      if (!state_->gone) state_->answers.push_back({header, std::move(outcome)});
    }
    int64_t credit_bytes() const override { return state_->credit_bytes; }
    void when_credit(Task task) override {
      state_->credit_task = std::move(task);
      if (state_->credit_bytes > 0) post(&InProcessCall::credit_task);
    }
    bool gone() const override { return state_->gone; }
    void when_gone(Task task) override {
      state_->gone_task = std::move(task);
      if (state_->gone) post(&InProcessCall::gone_task);
    }

   private:
    void post(Task InProcessCall::* which) {
      executor_.post([state = state_, which] {
        Task task = std::exchange((*state).*which, nullptr);
        if (task) task();
      });
    }
    Executor& executor_;
    std::shared_ptr<InProcessCall> state_;
  };

  Executor& executor_;
  Service& service_;
  CallerId caller_;
  std::shared_ptr<const Principal> principal_ = std::make_shared<Principal>();
};

}  // namespace revd

// FakeService: answers as a test tells it to, or keeps the calls for later.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "server/service.h"

namespace revd {

class FakeService final : public Service {
 public:
  void start(Call call) override {
    ++started;
    if (on_start) return on_start(std::move(call));
    calls.push_back(std::move(call));
  }
  AnswerHeader header() const override {
    AnswerHeader own;
    own.cluster = ClusterId(77);
    own.member = NodeId(1);
    own.revision = revision;
    return own;
  }
  // Answers a put with its revision, which it makes.
  void answer_put(Call& call) {
    PutResponse response;
    response.revision = ++revision;
    call.reply->finish(header(), Response(std::move(response)));
  }
  void answer_puts_at_once() {
    on_start = [this](Call call) { answer_put(call); };
  }

  std::function<void(Call)> on_start;
  std::vector<Call> calls;  // that nobody answered yet
  uint64_t started = 0;
  int64_t revision = 1;
};

}  // namespace revd

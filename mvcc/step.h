// How long work is cut into steps that never hold the reactor for long.
//
// A task's step() does some work and says why it stopped. The clock only decides when to stop, never what
// a step does. Plain values, reactor thread.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/result.h"

namespace revd {

enum class Step : uint8_t {
  kDone,     // nothing is left to do
  kYield,    // the budget is spent: call again
  kBlocked,  // a page isn't in memory: load the task's missing() and call again
};

inline constexpr Duration kStepTime = std::chrono::microseconds(200);

// What one step may take. Asks the clock once in 16 questions.
class StepBudget {
 public:
  static StepBudget unlimited() { return StepBudget(); }
  explicit StepBudget(const Clock& clock, Duration time = kStepTime)
      : clock_(&clock), end_(clock.now() + time) {}

  bool spent() {
    if (clock_ == nullptr || ++asked_ % 16 != 0) return false;
    return clock_->now() >= end_;
  }

 private:
  StepBudget() = default;

  const Clock* clock_ = nullptr;
  Instant end_{};
  uint32_t asked_ = 0;
};

inline bool would_block(const Error& error) { return error.code() == ErrorCode::kWouldBlock; }

}  // namespace revd

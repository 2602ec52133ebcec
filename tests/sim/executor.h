// SimExecutor: the reactor of one incarnation of a simulated process, on the world's one heap.
//
// post() costs no virtual time; timers follow the process's own clock; a worker's job starts after a
// random delay and its completion comes after another one. run_until() steps the whole world.
//
// Thread rule: one thread. Borrows the loop and the clock.
#pragma once

#include <map>
#include <memory>

#include "base/executor.h"
#include "base/random.h"
#include "tests/sim/clock.h"
#include "tests/sim/loop.h"

namespace revd {

class SimExecutor final : public Executor {
 public:
  SimExecutor(SimLoop& loop, std::shared_ptr<SimIncarnation> owner, const SimClock& clock, Random random)
      : loop_(loop), owner_(std::move(owner)), clock_(clock), random_(random) {}

  void post(Task task) override;
  TimerId schedule(Duration delay, Task task) override;
  bool cancel(TimerId timer) override;
  void run_on_worker(Task work, Task done) override;
  // False also if the process died, or after events_max events: something goes round in circles.
  bool run_until(const std::function<bool()>& done) override;

  uint64_t events_max = 50'000'000;  // per run_until
  Duration worker_delay_max = std::chrono::milliseconds(5);

 private:
  void arm(TimerId id, Instant due, Task task);
  void fire(TimerId id, Instant due, Task task);

  SimLoop& loop_;
  std::shared_ptr<SimIncarnation> owner_;
  const SimClock& clock_;
  Random random_;
  std::map<TimerId, SimLoop::Key> timers_;
  TimerId next_timer_ = 1;
};

}  // namespace revd

#include "tests/sim/executor.h"

#include <algorithm>

namespace revd {

void SimExecutor::post(Task task) {
  if (owner_->alive) loop_.schedule(owner_, SimEventKind::kTask, 0, std::move(task));
}

void SimExecutor::arm(TimerId id, Instant due, Task task) {
  timers_[id] =
      loop_.schedule(owner_, SimEventKind::kTimer, clock_.world_delay_ns(due - clock_.now()),
                     [this, id, due, run = std::move(task)]() mutable { fire(id, due, std::move(run)); });
}

Executor::TimerId SimExecutor::schedule(Duration delay, Task task) {
  const TimerId id = next_timer_++;
  if (owner_->alive) arm(id, clock_.now() + std::max(delay, Duration(0)), std::move(task));
  return id;
}

void SimExecutor::fire(TimerId id, Instant due, Task task) {
  if (clock_.now() < due) {  // the clock has been slowed down since
    arm(id, due, std::move(task));
    return;
  }
  timers_.erase(id);
  task();
}

bool SimExecutor::cancel(TimerId timer) {
  const auto found = timers_.find(timer);
  if (!owner_->alive || found == timers_.end()) return false;
  const SimLoop::Key key = found->second;
  timers_.erase(found);
  return loop_.cancel(key);
}

void SimExecutor::run_on_worker(Task work, Task done) {
  if (!owner_->alive) return;
  const uint64_t bound = static_cast<uint64_t>(worker_delay_max.count()) + 1;
  const auto start = static_cast<int64_t>(random_.below(bound));
  const auto report = static_cast<int64_t>(random_.below(bound));
  loop_.schedule(owner_, SimEventKind::kWorker, start,
                 [this, report, run = std::move(work), tell = std::move(done)]() mutable {
                   run();
                   loop_.schedule(owner_, SimEventKind::kWorker, report, std::move(tell));
                 });
}

bool SimExecutor::run_until(const std::function<bool()>& done) {
  CHECK_MSG(!loop_.inside_event(), "run_until inside a task");
  for (uint64_t events = 0; !done(); ++events)
    if (!owner_->alive || events >= events_max || !loop_.step()) return false;
  return true;
}

}  // namespace revd

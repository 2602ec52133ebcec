// Executor: one event loop (the reactor) and its helpers.
//
// Thread rule: everything is called on the reactor's own thread, except post(), which any thread may
// call. Tasks run on the reactor, never inside the call that hands them over, in the order of their
// posting. On Linux the loop also drives disk and network; in the simulator all of them are one heap.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "base/clock.h"

namespace revd {

using Task = std::move_only_function<void()>;

class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `task` soon. Callable from any thread.
  virtual void post(Task task) = 0;

  using TimerId = uint64_t;  // never 0
  // Runs `task` once, not before now + delay. Use Timer below rather than this.
  virtual TimerId schedule(Duration delay, Task task) = 0;
  // The task won't run. False if it ran already.
  virtual bool cancel(TimerId timer) = 0;

  // Runs `work` on a worker thread (in the simulator: as an event of its own), then `done` on the
  // reactor. `work` may touch only what nobody else writes meanwhile.
  virtual void run_on_worker(Task work, Task done) = 0;

  // Drives the loop until `done()` is true; asked after each round. For blocking faces, tests and
  // main(): never from inside a task. Returns false if stop() was called, or if the simulator has
  // nothing left to do.
  virtual bool run_until(const std::function<bool()>& done) = 0;
};

// A timer owned by whom it calls: stops itself when destroyed. Reactor thread only.
class Timer {
 public:
  explicit Timer(Executor& executor) : executor_(executor) {}
  ~Timer() { stop(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool running() const { return id_ != 0; }
  // (Re)starts: an earlier start is forgotten.
  void start(Duration delay, Task task) {
    stop();
    id_ = executor_.schedule(delay, [this, task = std::move(task)]() mutable {
      id_ = 0;
      Task run = std::move(task);  // a task may restart or destroy its own timer
      run();
    });
  }
  void stop() {
    if (id_ != 0) executor_.cancel(std::exchange(id_, 0));
  }

 private:
  Executor& executor_;
  Executor::TimerId id_ = 0;
};

}  // namespace revd

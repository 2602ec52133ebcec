// EventLoop: the reactor. One epoll drives timers, posted tasks, sockets and the disk's completions.
//
// A round: flush the disk, wait for events, give them to their handlers, then due timers, posted
// tasks, the disk's completions, handlers that made themselves ready, and a last flush. Each of these
// takes only what was there when it began, so that nothing starves the rest.
//
// Thread rule: the thread that created it; post() and stop() from any (stop() in signal handlers too).
// Borrows clock and disk, owns workers, timers and tasks.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/linux/descriptor.h"
#include "base/linux/timer_queue.h"
#include "base/linux/worker_pool.h"
#include "base/result.h"

namespace revd::os {

// Something with a descriptor in the loop. Either call may destroy the handler.
class EventHandler {
 public:
  virtual ~EventHandler() = default;
  // `events` are epoll's bits.
  virtual void on_events(uint32_t events) = 0;
  // Follows make_ready().
  virtual void on_ready() {}
};

// What the loop needs of a disk.
class LoopDisk {
 public:
  virtual ~LoopDisk() = default;
  virtual void flush() = 0;
  // Operations have ended and wait for deliver().
  virtual bool has_completions() const = 0;
  // The system had no room for some submissions: flush again soon.
  virtual bool must_retry() const = 0;
  // Calls on_done of what had ended before this call, in order.
  virtual void deliver() = 0;
};

class EventLoop final : public Executor {
 public:
  static Result<std::unique_ptr<EventLoop>> create(const Clock& clock, size_t worker_count);
  ~EventLoop() override;

  void post(Task task) override;
  TimerId schedule(Duration delay, Task task) override;
  bool cancel(TimerId timer) override;
  void run_on_worker(Task work, Task done) override;
  bool run_until(const std::function<bool()>& done) override;
  void stop() noexcept;

  // Exactly one disk, before the first round; it must outlive the last.
  void drive(LoopDisk& disk) { disk_ = &disk; }
  // Ends the workers and destroys what was posted or scheduled, running none of it.
  void shut_down();
  bool on_own_thread() const { return std::this_thread::get_id() == thread_; }

  // Names a handler by a token (slot and generation), so that events of a destroyed one are dropped.
  using Token = uint64_t;
  Token add_handler(EventHandler& handler);
  void remove_handler(Token token);
  bool is_alive(Token token) const { return find(token) != nullptr; }
  // Reports epoll's `events` of `descriptor` to the handler.
  Status watch(Token token, int descriptor, uint32_t events);
  void unwatch(int descriptor);
  // Calls on_ready() later: in this round if it is still waiting or giving out events, else in the next.
  void make_ready(Token token) { ready_.push_back(token); }

 private:
  EventLoop(const Clock& clock, size_t worker_count, Descriptor epoll, Descriptor wake);

  struct Slot {
    EventHandler* handler = nullptr;
    uint32_t generation = 0;
  };
  EventHandler* find(Token token) const;

  void round();
  void poll_events();
  int64_t nanoseconds_to_wait();
  void run_timers();
  void run_tasks();
  void run_ready();
  void wake() noexcept;

  const Clock& clock_;
  const std::thread::id thread_ = std::this_thread::get_id();
  Descriptor epoll_;
  Descriptor wake_;
  LoopDisk* disk_ = nullptr;
  TimerQueue timers_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  std::vector<Token> ready_;
  std::vector<Token> ready_now_;  // the batch that run_ready() works on; kept for its memory
  bool running_ = false;
  bool precise_wait_ = true;  // epoll_pwait2 works

  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::vector<Task> posted_;  // guarded by mutex_
  bool sleeping_ = false;     // guarded by mutex_: who posts must wake the loop
  std::vector<Task> tasks_;   // the batch that run_tasks() works on; kept for its memory
  WorkerPool workers_;
};

}  // namespace revd::os

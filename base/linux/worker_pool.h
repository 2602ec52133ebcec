// WorkerPool: a few threads for what takes long; the answers come back through Executor::post().
//
// Thread rule: run() and the destructor on the reactor's thread. Threads start when first needed.
// The destructor drops what hasn't begun, waits for what has, and calls no `done` any more.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/executor.h"

namespace revd::os {

class WorkerPool {
 public:
  // `executor` is borrowed, `name` must stay; `thread_count` >= 1.
  WorkerPool(Executor& executor, const char* name, size_t thread_count);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Runs `work` on one of the threads, then `done` on the reactor. Works begin in the order of the calls.
  void run(Task work, Task done);
  // What the destructor does, earlier; run() does nothing afterwards.
  void shut_down();

 private:
  struct Job {
    Task work;
    Task done;
  };
  void serve();

  Executor& executor_;
  const char* name_;
  const size_t thread_count_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;   // guarded by mutex_
  size_t idle_ = 0;        // guarded by mutex_: threads that wait for a job
  bool stopping_ = false;  // guarded by mutex_
};

}  // namespace revd::os

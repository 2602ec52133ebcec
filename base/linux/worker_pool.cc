#include "base/linux/worker_pool.h"

#include <utility>

#include "base/check.h"
#include "base/linux/threads.h"

namespace revd::os {

WorkerPool::WorkerPool(Executor& executor, const char* name, size_t thread_count)
    : executor_(executor), name_(name), thread_count_(thread_count) {
  CHECK(thread_count >= 1);
}

WorkerPool::~WorkerPool() { shut_down(); }

void WorkerPool::shut_down() {
  std::deque<Job> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(jobs_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerPool::run(Task work, Task done) {
  bool needs_thread = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    jobs_.push_back(Job{.work = std::move(work), .done = std::move(done)});
    needs_thread = idle_ < jobs_.size() && threads_.size() < thread_count_;
  }
  if (needs_thread)
    threads_.push_back(start_thread(name_, [this] { serve(); }));
  else
    changed_.notify_one();
}

void WorkerPool::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (stopping_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job.work();
    job.work = nullptr;  // its captures are gone before `done` can look at what they shared
    executor_.post(std::move(job.done));
    lock.lock();
  }
}

}  // namespace revd::os

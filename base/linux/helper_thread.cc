#include "base/linux/helper_thread.h"

#include <utility>

#include "base/linux/threads.h"

namespace revd::os {

HelperThread::HelperThread(FileTable& files, Descriptor ended)
    : files_(files), ended_descriptor_(std::move(ended)) {}

HelperThread::~HelperThread() { shut_down(); }

void HelperThread::shut_down() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting_ = {};
  }
  work_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void HelperThread::submit(OpQueue&& ops) {
  if (ops.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    waiting_.append(std::move(ops));
  }
  if (thread_.joinable())
    work_.notify_one();
  else
    thread_ = start_thread("revd-disk", [this] { serve(); });
}

OpQueue HelperThread::collect() {
  const std::lock_guard lock(mutex_);
  return std::exchange(ended_, {});
}

void HelperThread::wait_for(DiskOp& op) {
  std::unique_lock lock(mutex_);
  if (ended_.remove(op)) return;
  awaited_ = &op;
  awaited_ended_ = false;
  progress_.wait(lock, [this] { return awaited_ended_; });
  awaited_ = nullptr;
}

void HelperThread::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    DiskOp& op = waiting_.pop();
    lock.unlock();
    op.result = files_.perform(op);
    lock.lock();
    if (&op == awaited_) {
      awaited_ended_ = true;
      progress_.notify_one();
      continue;
    }
    const bool first = ended_.empty();
    ended_.push(op);
    if (!first) continue;
    const uint64_t one = 1;
    // Fails only when the counter is full, and then the loop has been woken often enough.
    [[maybe_unused]] const ssize_t written = ::write(ended_descriptor_.get(), &one, sizeof one);
  }
}

}  // namespace revd::os

#include "base/linux/timer_queue.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace revd::os {

namespace {
constexpr size_t kHusksAllowed = 64;  // a heap this small is never worth rebuilding
}

TimerQueue::Id TimerQueue::add(Instant due, Task task) {
  const Id id = next_id_++;
  tasks_.emplace(id, std::move(task));
  heap_.push_back(Entry{.due = due, .id = id});
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>{});
  return id;
}

bool TimerQueue::cancel(Id id) {
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) return false;
  const Task dropped = std::move(found->second);  // its captures may cancel further timers as they go
  tasks_.erase(found);
  if (heap_.size() > 2 * tasks_.size() + kHusksAllowed) {
    std::erase_if(heap_, [this](const Entry& entry) { return !tasks_.contains(entry.id); });
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>{});
  }
  return true;
}

std::optional<Instant> TimerQueue::next_due() {
  drop_cancelled_top();
  if (heap_.empty()) return std::nullopt;
  return heap_.front().due;
}

std::optional<Task> TimerQueue::take_due(Instant now, Id limit) {
  drop_cancelled_top();
  if (heap_.empty() || heap_.front().due > now || heap_.front().id >= limit) return std::nullopt;
  const auto found = tasks_.find(heap_.front().id);
  Task task = std::move(found->second);
  tasks_.erase(found);
  pop_top();
  return task;
}

void TimerQueue::clear() {
  heap_.clear();
  auto dropped = std::exchange(tasks_, {});
}

void TimerQueue::drop_cancelled_top() {
  while (!heap_.empty() && !tasks_.contains(heap_.front().id)) pop_top();
}

void TimerQueue::pop_top() {
  std::pop_heap(heap_.begin(), heap_.end(), std::greater<>{});
  heap_.pop_back();
}

}  // namespace revd::os

// TimerQueue: tasks by due time, cancellable. Equal times run in the order of their adding.
//
// Thread rule: one thread. Adding and cancelling cost O(log n) amortised: a cancelled timer leaves
// its heap entry behind, and the heap is rebuilt when most entries are such husks.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"

namespace revd::os {

class TimerQueue {
 public:
  using Id = Executor::TimerId;

  Id add(Instant due, Task task);
  // False if it isn't waiting any more.
  bool cancel(Id id);
  // The earliest due time, if any timer waits.
  std::optional<Instant> next_due();
  // Takes the earliest timer that is due at `now` and was added before `limit` (an earlier next_id()).
  std::optional<Task> take_due(Instant now, Id limit);
  Id next_id() const { return next_id_; }
  size_t size() const { return tasks_.size(); }
  size_t heap_size() const { return heap_.size(); }
  void clear();

 private:
  struct Entry {
    Instant due;
    Id id;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  void drop_cancelled_top();
  void pop_top();

  std::vector<Entry> heap_;  // smallest on top
  std::unordered_map<Id, Task> tasks_;
  Id next_id_ = 1;
};

}  // namespace revd::os

// Applier: committed entries become state, in order, without ever holding the reactor for long.
//
// Entries that are there together are applied together and published once; then their answers go
// out. Large commands run in slices of 200 us, and go on after a page that they miss has been read. When
// there is nothing to apply, physical compaction gets its steps.
// Thread rule: the reactor thread. Borrows Env, Backend, MvccStore and the payloads of entries (until their
// answer). Destroying it drops answers that are under way. Errors: the first one that apply gives stops it
// for good: on_failure is called once, nothing is answered any more.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "mvcc/compaction.h"
#include "mvcc/store.h"

namespace revd {

class Applier {
 public:
  using Done = std::move_only_function<void(CommandResult)>;

  Applier(Env& env, Backend& backend, MvccStore& store, std::function<void(const Error&)> on_failure);
  ~Applier();
  Applier(const Applier&) = delete;
  Applier& operator=(const Applier&) = delete;

  // `entry` is committed. `done` (may be null) comes later with the command's result (monostate for an
  // entry that is no command), once its effect is published.
  void enqueue(const LogEntry& entry, Done done);
  // Nothing is waiting to be applied, or in the middle of it. Waiting for physical compaction doesn't count.
  bool idle() const { return queue_.empty() && !task_; }
  size_t queued() const { return queue_.size(); }
  LogIndex applied_index() const { return store_.applied().index; }
  // Physical compaction may have something to do again: a range read has ended.
  void wake();
  const std::optional<Error>& failed() const { return failure_; }

 private:
  struct Queued {
    LogEntry entry;
    Done done;
  };
  struct Answer {
    LogIndex index;
    Done done;
    CommandResult result;
    std::optional<int64_t> physical_revision;
  };

  void schedule();
  void run();
  Status apply_queued();
  Status compact();
  void load(const PageRequest& missing);
  void take_outcome();
  void deliver();
  void answer_physical();
  void fail(const Error& error);

  Env& env_;
  Backend& backend_;
  MvccStore& store_;
  std::function<void(const Error&)> on_failure_;
  PhysicalCompaction compaction_;
  std::deque<Queued> queue_;
  std::unique_ptr<ApplyTask> task_;  // of the queue's front
  std::vector<Answer> answers_;      // applied, not yet published
  std::multimap<int64_t, Answer> physical_;
  bool scheduled_ = false;
  bool loading_ = false;
  Timer hold_timer_;
  std::optional<Error> failure_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace revd

// HashTask: a hash of what reads at or above the compacted revision can see, in steps.
//
// Equal on all replicas that have the same revision and compacted revision, whatever their pages look like
// and however far physical compaction has come. Thread rule: the reactor thread. Borrows MvccStore. Errors:
// the compacted and future errors; kDataLoss; kWouldBlock never leaves (kBlocked: load missing()).
#pragma once

#include <optional>
#include <string>

#include "base/hash.h"
#include "mvcc/step.h"
#include "mvcc/store_core.h"

namespace revd {

class MvccStore;

struct StoreHash {
  uint64_t hash = 0;
  int64_t revision = 0;
  int64_t compact_revision = 0;
  friend bool operator==(const StoreHash&, const StoreHash&) = default;
};

class HashTask {
 public:
  // 0: the current revision.
  HashTask(MvccStore& store, int64_t revision, ReadMode mode = ReadMode::kNonBlocking);
  ~HashTask();
  HashTask(const HashTask&) = delete;
  HashTask& operator=(const HashTask&) = delete;

  Result<Step> step(StepBudget& budget);
  const PageRequest& missing() const { return missing_; }
  // After kDone.
  const StoreHash& result() const { return result_; }

 private:
  Result<Step> run(StepBudget& budget);
  Result<bool> hash_key(ReadView view, StepBudget& budget);
  void include(const Record& record, const Revision& at);

  StoreCore& core_;
  ReadMode mode_;
  int64_t wanted_;
  bool started_ = false;
  StreamingHash all_;
  std::string position_;  // the key at hand
  std::optional<StreamingHash> of_key_;
  bool any_ = false;  // the key has something that can be seen
  Revision at_;       // in the key's chain
  bool seen_at_floor_ = false;
  KeyEntry entry_;
  RecordBuffer record_;
  std::optional<ReadHolds::Id> hold_;
  StoreHash result_;
  PageRequest missing_;
};

// The rest of the replicated state: leases, sessions, alarms, revisions. Blocks.
Result<uint64_t> hash_tables(MvccStore& store);

}  // namespace revd

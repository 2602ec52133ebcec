// PhysicalCompaction: gives back what no permitted read can see any more (mvcc rule 20).
//
// It goes through R from the compacted revision before to the new one: each record there makes the one
// before it of its key needless. So the work is in proportion to what was written between the two, and its
// place is in the checkpoint. Tombstones below the floor go too, with the key's entry in K.
// Thread rule: the reactor thread; a step needs that no transaction is open. Borrows StoreCore. Errors:
// the trees'; after one the store must stop. Repeating a record that was swept before changes nothing.
#pragma once

#include "mvcc/step.h"
#include "mvcc/store_core.h"

namespace revd {

class PhysicalCompaction {
 public:
  explicit PhysicalCompaction(StoreCore& core) : core_(core), written_(core.compaction) {}

  // There is something to do now (and no reader holds it up).
  bool pending() const;
  // All space below the compacted revision has been given back up to there.
  int64_t done() const { return core_.compaction.done; }
  // Only readers hold it up: ask again later.
  bool held() const { return !pending() && core_.compaction.done < core_.published.floor; }

  Result<Step> step(StepBudget& budget);
  // A step was stopped by a missing page before it could be published: nothing else may be applied
  // before the next one.
  bool ending() const { return ending_; }
  const PageRequest& missing() const { return missing_; }

 private:
  int64_t reachable() const;
  Status end_step();
  Result<Step> sweep(WriteTxn& txn, StepBudget& budget);
  Status sweep_record(WriteTxn& txn, const Revision& at, std::string_view head);

  StoreCore& core_;
  RecordBuffer record_;
  KeyEntry entry_;
  bool ending_ = false;
  CompactionProgress written_;  // as M has it
  PageRequest missing_;
};

}  // namespace revd

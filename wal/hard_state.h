// HardStateStore: term, vote and commit hint in two files, each one block, written one after the other.
//
// Crash cases: a write of copy a that is cut off leaves b whole and old; of copy b, a whole and new. Either
// is right, since nothing was promised before both were durable; open makes them equal, so that later
// damage to one copy costs nothing.
// Thread rule: the log's reactor thread. Internal to wal/.
#pragma once

#include <vector>

#include "wal/disk_work.h"

namespace revd::wal {

class HardStateStore {
 public:
  // `files` hold `copy`, equal and durable; owned from now on.
  HardStateStore(Core& core, const FileHandle (&files)[2], const HardStateCopy& copy);
  ~HardStateStore();

  // CHECKs that neither term nor vote goes back.
  void save(Term term, NodeId vote, LogIndex commit, StatusDone done);
  // As last handed to save().
  const HardState& wanted() const { return wanted_; }
  // What both copies hold.
  const HardState& durable() const { return durable_; }

  void fail_pending();
  void stop() {
    waiting_.clear();
    called_back_.clear();
  }

 private:
  void start();
  void on_written(const Status& status);
  void call(std::vector<StatusDone>& callbacks, const Status& status);

  Core& core_;
  FileHandle files_[2];
  uint64_t sequence_;
  HardState durable_;
  HardState wanted_;
  HardState writing_;
  int copy_ = 0;                         // being written
  std::vector<StatusDone> waiting_;      // for the write after the one under way
  std::vector<StatusDone> called_back_;  // by the write under way
  AlignedBuffer block_;
  DurableWrite write_;
};

}  // namespace revd::wal

// RangeTask: a read of a range at one revision, in pages, that never holds anything up for long.
//
// It gives its snapshot back every 10 ms or kKeysPerSnapshot keys and goes on at the same revision in a newer
// one; physical compaction waits for it for 60 s at most. Each time it goes on it checks that its revision is
// still whole, and ends with the compacted error otherwise, never with missing keys.
// Thread rule: the reactor thread. Borrows MvccStore, which outlives it. Errors: the table's compacted and
// future errors; kDataLoss; kResourceExhausted. After an error the task is over.
#pragma once

#include <optional>

#include "mvcc/range_scan.h"
#include "mvcc/store_core.h"

namespace revd {

class MvccStore;

struct RangeTaskOptions {
  // step() stops with kYield when this much is in the page. At least one key-value comes with each page.
  uint64_t page_bytes = UINT64_MAX;
  ReadMode mode = ReadMode::kNonBlocking;
};

class RangeTask {
 public:
  static constexpr uint64_t kKeysPerSnapshot = 4096;  // about 64 pages
  static constexpr Duration kTimePerSnapshot = std::chrono::milliseconds(10);

  // The request must have passed check_range().
  RangeTask(MvccStore& store, RangeRequest request, const RangeTaskOptions& options = {});
  ~RangeTask();
  RangeTask(const RangeTask&) = delete;
  RangeTask& operator=(const RangeTask&) = delete;

  // Adds to page(). kBlocked: load missing() first. kDone: page() has the rest, with count and more.
  Result<Step> step(StepBudget& budget);
  const PageRequest& missing() const { return missing_; }
  // What has been read since the last take_page(); its revision is the header's.
  const RangeResponse& page() const { return page_; }
  bool page_full() const { return page_full_; }
  RangeResponse take_page();

 private:
  Status start();
  Status check_revision() const;

  StoreCore& core_;
  RangeRequest request_;
  RangeTaskOptions options_;
  std::optional<RangeScan> scan_;
  std::optional<Snapshot> snapshot_;
  Instant snapshot_taken_{};
  uint64_t snapshot_keys_ = 0;  // visited when it was taken
  int64_t revision_ = 0;
  int64_t header_revision_ = 0;
  std::optional<ReadHolds::Id> hold_;
  RangeResponse page_;
  bool page_full_ = false;
  PageRequest missing_;
};

}  // namespace revd

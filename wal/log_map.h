// What the log holds and where: terms by index, batches by index, the last control records.
//
// Thread rule: one thread. Owns everything in here; no I/O. Recovery fills both classes batch by batch;
// afterwards TermTable follows what is appended and DurableLog what has become durable.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "wal/format.h"

namespace revd::wal {

// The term of every index in [base, last], as runs: a log has few terms.
class TermTable {
 public:
  explicit TermTable(LogPosition base) : base_(base), last_(base) {}

  // The position before the first entry, and that of the last one (base() if there is none).
  LogPosition base() const { return base_; }
  LogPosition last() const { return last_; }
  // nullopt outside [base().index, last().index].
  std::optional<Term> term_at(LogIndex index) const;

  // The entry at last().index + 1. Requires term >= last().term.
  void append(Term term);
  // Entries above `position` are gone; below base() it becomes the new base.
  void cut(LogPosition position);
  void restart(LogPosition base) { *this = TermTable(base); }
  // Forgets the entries up to `index`; nothing happens below base().
  void advance_base(LogIndex index);

 private:
  struct Run {
    LogIndex first;
    Term term;
  };
  LogPosition base_;
  LogPosition last_;
  std::deque<Run> runs_;  // ascending, each up to the next one's first; the last one up to last_
};

struct BatchPlace {
  uint64_t segment = 0;
  uint64_t offset = 0;
  uint32_t blocks = 0;
  uint64_t sequence = 0;
};

// What one batch does to the log. A cut or a switch comes before the batch's entries, and
// those follow each other without a gap.
struct BatchSummary {
  std::optional<CutTail> cut;
  std::optional<SnapshotSwitch> snapshot;
  LogIndex first;  // of the entries; meaningful if entry_count > 0
  uint32_t entry_count = 0;
  std::vector<CheckpointRecord> checkpoints;
  std::optional<Successor> successor;

  LogIndex last() const { return LogIndex(first.value() + entry_count - 1); }
};

// A batch with entries that are still in the log: [first, last].
struct BatchRef {
  LogIndex first;
  LogIndex last;
  BatchPlace place;
};

class DurableLog {
 public:
  explicit DurableLog(LogIndex base) : base_(base), last_(base) {}

  void apply(const BatchSummary& batch, const BatchPlace& place);
  // The segments below `number` are gone, and with them the entries in them.
  void drop_segments_below(uint64_t number);

  // The index before the first entry, and the last entry's.
  LogIndex base() const { return base_; }
  LogIndex last() const { return last_; }
  // The batch that holds `index`, nullptr outside (base, last].
  const BatchRef* find(LogIndex index) const;

  // The last checkpoint record of each file, in the order in which they were written.
  const std::vector<CheckpointRecord>& checkpoints() const { return checkpoints_; }
  const std::optional<SnapshotSwitch>& snapshot() const { return snapshot_; }
  // The segment with the newest checkpoint record or switch; nullopt if there is none.
  std::optional<uint64_t> pinned_segment() const { return pinned_segment_; }

 private:
  void cut(LogIndex last);
  void note_checkpoint(const CheckpointRecord& record);

  LogIndex base_;
  LogIndex last_;
  std::deque<BatchRef> batches_;  // ascending and without gaps
  std::vector<CheckpointRecord> checkpoints_;
  std::optional<SnapshotSwitch> snapshot_;
  std::optional<uint64_t> pinned_segment_;
};

}  // namespace revd::wal

// Appender: greedy group commit. Records go into the last queued batch; whenever a write slot is free,
// the first queued batch is written; callbacks come in order once it and all before it are durable.
//
// Invariants:
//  1. Batches are written at ascending offsets, each at most once, numbered without a gap.
//  2. A batch's `acknowledged` only ever names batches that were durable when it was built.
//  3. A block is always left for the batch that names the successor, alone in it.
//  4. No batch of a segment is written before the header of that segment is durable under its name.
// Thread rule: the log's reactor thread. Internal to wal/.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "wal/batch.h"
#include "wal/segments.h"

namespace revd::wal {

// Where the next batch goes.
struct TailPosition {
  uint64_t offset = 0;  // in the current segment
  uint64_t next_sequence = 1;
  uint64_t previous_hash = 0;
};

class Appender {
 public:
  // `tail`: everything before it is durable and recorded as acknowledged.
  Appender(Core& core, SegmentStore& segments, DurableLog& log, TermTable& terms, const TailPosition& tail,
           LogIndex commit);

  Result<AppendToken> append(std::span<const Entry> entries, AppendDone done);
  Result<AppendToken> cut_tail(LogIndex after, AppendDone done);
  Result<AppendToken> append_snapshot(SnapshotSwitch record, AppendDone done);
  Result<AppendToken> append_checkpoint(const CheckpointRecord& record, AppendDone done);
  void flush(StatusDone done);
  void note_commit(LogIndex index) { commit_ = std::max(commit_, index); }

  // As far as durable and not cut since.
  LogIndex durable_index() const;
  uint64_t epoch() const { return epoch_; }
  uint64_t acknowledged_sequence() const { return acknowledged_; }
  uint64_t oldest_unfinished_segment() const;
  LogIndex commit() const { return commit_; }
  size_t queued_bytes() const { return queued_bytes_; }
  size_t max_record_bytes() const { return core_.options.max_batch_bytes - kBatchHeaderBytes; }

  // Gives everything pending the log's failure.
  void fail_pending();
  // The owner has gone: no callback, no timer, no new write.
  void stop();

 private:
  using BatchPtr = std::unique_ptr<Batch>;

  Status check_room(size_t bytes) const;
  Status check_entries(std::span<const Entry> entries) const;
  BatchPtr new_batch();
  Batch& batch_for(size_t bytes);
  // Puts a record that changes the log's end first into a batch of its own.
  Result<AppendToken> enqueue_first(const Record& record, AppendDone done);
  AppendToken token() const {
    return {.term = terms_.last().term, .epoch = epoch_, .last_index = terms_.last().index};
  }
  void add(Batch& batch, const Record& record);

  void pump_soon();
  void pump();
  bool fits(const Batch& batch) const;
  void start_switch();
  BatchHeader header() const;
  void submit(BatchPtr batch);
  void write(BatchPtr batch, FileHandle file, const BatchPlace& place, uint64_t checksum);
  void on_written(Batch& batch, const Status& status);
  void settle();
  void acknowledge(Batch& batch);
  void call_flush_waiters();

  bool needs_seal() const { return recorded_ordinal_ > covered_ordinal_; }
  void enqueue_seal();
  void watch_silence();
  void on_silence();

  Core& core_;
  SegmentStore& segments_;
  DurableLog& log_;
  TermTable& terms_;

  // Next batch on disk.
  TailPosition tail_;
  LogPosition written_end_;  // the log's last position after the last batch that was written
  uint64_t acknowledged_;    // sequence
  LogIndex commit_;
  uint64_t epoch_ = 1;
  bool switching_ = false;
  bool settling_ = false;

  std::deque<BatchPtr> queue_;      // not written yet; records go into the last one
  std::deque<BatchPtr> in_flight_;  // in order of sequence
  std::vector<BatchPtr> free_;
  std::vector<BatchPtr> settled_;
  size_t queued_bytes_ = 0;

  // Ordinals count batches in the order of queueing.
  uint64_t next_ordinal_ = 1;
  uint64_t acknowledged_ordinal_ = 0;
  uint64_t recorded_ordinal_ = 0;  // the last acknowledged one that has records
  uint64_t covered_ordinal_ = 0;   // a durable batch says that up to here all was acknowledged

  // Cuts that aren't durable yet bound what readers see.
  struct PendingCut {
    uint64_t ordinal;
    LogIndex last;
  };
  std::deque<PendingCut> pending_cuts_;

  struct FlushWaiter {
    uint64_t ordinal;
    StatusDone done;
  };
  std::deque<FlushWaiter> flush_waiters_;

  Instant last_settled_;
  Timer silence_;
  bool pump_posted_ = false;
};

}  // namespace revd::wal

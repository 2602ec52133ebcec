// SegmentStore: the segment files of an open log, from the lowest to the one being written.
//
// Starts a successor and recycles what lies below the floor: one at a time, lowest first, each
// renaming synced before the next, so that what is left is always a contiguous end of the log.
// Thread rule: the log's reactor thread. Internal to wal/. Borrows the maps of what is in the log.
#pragma once

#include <deque>
#include <memory>

#include "wal/log_map.h"
#include "wal/spares.h"

namespace revd::wal {

struct Segment {
  FileHandle file = kNoFile;
  SegmentHeader header;
  uint32_t users = 0;  // reads and writes under way, which keep it from being recycled

  uint64_t number() const { return header.number; }
};

class SegmentStore {
 public:
  SegmentStore(Core& core, DurableLog& log, TermTable& terms, std::deque<Segment> segments,
               std::deque<Spare> spares, uint64_t next_spare_id);
  ~SegmentStore();

  Segment& current() { return segments_.back(); }
  const Segment& current() const { return segments_.back(); }
  Segment& at(uint64_t number);
  size_t spare_count() const { return pool_.size(); }

  // Makes current() a new segment with `header`, durably in its place. A failure is the log's failure,
  // and then `done` isn't called.
  void start_next(const SegmentHeader& header, std::move_only_function<void()> done);

  void set_floor(LogIndex index, uint64_t first_segment);
  // Recycles what can be. Called whenever something that prevented it has changed.
  void recycle();
  void make_spares() { pool_.replenish(); }
  void stop() { pool_.stop(); }

 private:
  bool front_is_free() const;
  void retire_front();
  void on_retired(const Status& status, FileHandle file, uint64_t spare_id, bool keep);

  Core& core_;
  DurableLog& log_;
  TermTable& terms_;
  std::deque<Segment> segments_;  // consecutive numbers, never empty
  SparePool pool_;
  LogIndex floor_;
  uint64_t first_segment_kept_ = UINT64_MAX;

  std::unique_ptr<SegmentInstallation> installation_;
  DiskSequence install_sequence_;
  DiskSequence retire_sequence_;
  AlignedBuffer zero_block_;
};

}  // namespace revd::wal

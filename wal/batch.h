// Batch: one aligned buffer into which records are encoded once, and everything known about it.
//
// Thread rule: the log's reactor thread. Internal to wal/. Owns its buffer and callbacks.
#pragma once

#include <vector>

#include "wal/disk_work.h"
#include "wal/log_map.h"

namespace revd::wal {

class Batch {
 public:
  // `on_written` gets this batch when its write has ended.
  Batch(Core& core, std::function<void(Batch&, const Status&)> on_written);

  // Empties it for reuse. `end` is the log's last position, and `ordinal` its place in the queue.
  void reset(LogPosition end, uint64_t ordinal);

  size_t room() const { return memory_.size() - used_; }
  bool empty() const { return record_count_ == 0; }
  uint32_t blocks() const { return static_cast<uint32_t>((used_ + kBlockBytes - 1) / kBlockBytes); }
  size_t record_bytes() const { return used_ - kBatchHeaderBytes; }

  // Encodes `record`, for which there must be room.
  void add(const Record& record);
  void add_waiter(AppendDone done, const AppendToken& token) { waiters_.push_back({std::move(done), token}); }
  // Pads, fills in the header's counts, and returns the checksum.
  uint64_t finish(BatchHeader header, uint64_t salt);
  void write(FileHandle file, const BatchPlace& place, Instant now);
  bool writing() const { return write_.running(); }

  // Calls and forgets the waiters, in order. `failure` nullptr: all went well.
  void call_waiters(const Error* failure);
  void drop_waiters() { waiters_.clear(); }

  const BatchSummary& summary() const { return summary_; }
  const BatchPlace& place() const { return place_; }
  LogPosition end() const { return end_; }
  uint64_t ordinal() const { return ordinal_; }
  Instant submitted() const { return submitted_; }

  bool durable = false;
  uint64_t covers_ordinal = 0;  // batches up to it are acknowledged by this one's header

 private:
  struct Waiter {
    AppendDone done;
    AppendToken token;
  };
  struct Note;

  AlignedBuffer memory_;
  size_t used_ = kBatchHeaderBytes;
  uint32_t record_count_ = 0;
  BatchSummary summary_;
  LogPosition end_;
  uint64_t ordinal_ = 0;
  std::vector<Waiter> waiters_;
  std::vector<Waiter> calling_;
  BatchPlace place_;
  Instant submitted_;
  DurableWrite write_;
};

}  // namespace revd::wal

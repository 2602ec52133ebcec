// SparePool: segments made ahead of need, so that no append waits for zero-filling or a full disk.
//
// A spare is a whole file of zeros (or of a recycled segment's bytes, which no new salt validates),
// written by real writes and synced: overwriting such blocks needs no journal. It is filled under a
// "new-" name and gets its "spare-" name when it is whole.
// Thread rule: the log's reactor thread. Internal to wal/.
#pragma once

#include <deque>
#include <memory>

#include "wal/disk_work.h"

namespace revd::wal {

struct Spare {
  uint64_t id = 0;
  FileHandle file = kNoFile;
};

// The steps that make a spare: open, fill in chunks, sync, rename. For DiskSequence and run_sequence.
class SpareCreation {
 public:
  SpareCreation(std::string directory, uint64_t id, uint64_t bytes);
  bool next(DiskOp& op);
  Spare spare() const { return {.id = id_, .file = file_}; }
  std::string unfinished_path() const;

 private:
  enum class Step : uint8_t { kOpen, kFill, kRename, kDone };
  std::string directory_;
  uint64_t id_;
  uint64_t bytes_;
  uint64_t filled_ = 0;
  Step step_ = Step::kOpen;
  FileHandle file_ = kNoFile;
  AlignedBuffer zeros_;
};

// The steps that make a spare a segment: header, sync, rename, directory sync. A file with a segment's
// name therefore always has a durable header.
class SegmentInstallation {
 public:
  SegmentInstallation(std::string directory, Spare spare, const SegmentHeader& header);
  bool next(DiskOp& op);

 private:
  enum class Step : uint8_t { kHeader, kSync, kRename, kSyncDirectory, kDone };
  std::string directory_;
  Spare spare_;
  uint64_t number_;
  Step step_ = Step::kHeader;
  AlignedBuffer block_;
};

class SparePool {
 public:
  SparePool(Core& core, uint64_t next_id);

  void add(Spare spare);
  // Gives a spare, later if there is none. One call at a time.
  using Taken = std::move_only_function<void(Spare)>;
  void take(Taken taken);
  // Makes spares in the background until spares_ready are there.
  void replenish();
  uint64_t next_id() { return next_id_++; }
  size_t size() const { return spares_.size(); }
  // A recycled segment would be one spare too many.
  bool full() const { return spares_.size() >= core_.options.spares_kept; }
  const std::deque<Spare>& spares() const { return spares_; }
  void stop() { retry_.stop(); }

 private:
  void serve();
  void on_created(const Status& status);
  void give_up(const Error& error);

  Core& core_;
  uint64_t next_id_;
  std::deque<Spare> spares_;
  Taken waiting_;
  std::unique_ptr<SpareCreation> creation_;
  DiskSequence sequence_;
  Timer retry_;  // after the disk was full
};

}  // namespace revd::wal

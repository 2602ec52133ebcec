// DurableWrite and DiskSequence: the two ways in which the log uses a disk after it was opened.
//
// Thread rule: the log's reactor thread. Internal to wal/. Both own their operation and must stay where
// they are until it has ended; Core counts it. After the log was abandoned no callback comes.
#pragma once

#include <functional>

#include "base/disk.h"
#include "wal/core.h"

namespace revd::wal {

// Writes bytes that are durable when it says so. One at a time, reusable, allocates nothing by itself.
class DurableWrite {
 public:
  // `done` is called at the end of each write, as the last thing.
  DurableWrite(Core& core, std::function<void(const Status&)> done);
  DurableWrite(const DurableWrite&) = delete;
  DurableWrite& operator=(const DurableWrite&) = delete;

  // `bytes` is borrowed until done.
  void start(FileHandle file, uint64_t offset, ByteSpan bytes);
  bool running() const { return running_; }

 private:
  void submit(DiskOp::Kind kind);
  void on_done();
  void finish(const Status& status);

  Core& core_;
  std::function<void(const Status&)> done_;
  DiskOp op_;
  bool running_ = false;
  bool retrying_ = false;  // only a mutant sets it
};

// Fills `op` with the next operation; false: there is none. What the operation before it gave (file,
// result, names) is still in `op`.
using PrepareStep = std::move_only_function<bool(DiskOp& op)>;

// Operations one after the other; the first that fails ends the sequence.
class DiskSequence {
 public:
  explicit DiskSequence(Core& core) : core_(core) {}
  DiskSequence(const DiskSequence&) = delete;
  DiskSequence& operator=(const DiskSequence&) = delete;

  // `done` is called once, never inside start() unless there is no step at all.
  void start(PrepareStep prepare, StatusDone done);
  bool running() const { return running_; }

 private:
  void next();

  Core& core_;
  DiskOp op_;
  PrepareStep prepare_;
  StatusDone done_;
  bool running_ = false;
};

// The same, blocking.
Status run_sequence(Disk& disk, PrepareStep prepare);

// Makes `op` a write, a rename and so on; everything else in it is cleared but for `file`.
void prepare_file_op(DiskOp& op, DiskOp::Kind kind);
void prepare_write(DiskOp& op, uint64_t offset, ByteSpan bytes, bool durable);
void prepare_rename(DiskOp& op, std::string from, std::string to);
void prepare_path_op(DiskOp& op, DiskOp::Kind kind, std::string path);

}  // namespace revd::wal

// FileTable: the open files behind FileHandles, and every disk operation as a blocking call.
//
// Thread rule: any thread; the table is guarded, files are not (the kernel orders their calls).
// Owns the descriptors. Errors are disk.h's, with operation, path and the system's text.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/linux/descriptor.h"

namespace revd::os {

// The error of `op` for an errno: "write /data/wal at 4096: No space left on device".
Error disk_error(const DiskOp& op, const std::string& path, int number);

// A transfer that began at byte `started` of its operation has reached byte `done`, not the end.
// Where to go on: at a whole block, since direct I/O takes nothing else (bytes already moved are moved
// again), unless that is no progress.
uint64_t resume_transfer_at(uint64_t started, uint64_t done);

// The part of op's buffer that remains from op.progress, cut to what one system call takes.
MutableByteSpan rest_to_read(const DiskOp& op);
ByteSpan rest_to_write(const DiskOp& op);

// Requires that a read's or write's memory, offset and length are multiples of kIoAlignment.
void check_alignment(const DiskOp& op);

class FileTable {
 public:
  // Executes all of `op` and returns its result; sets op.file (kOpen) and op.names (kList).
  Result<uint64_t> perform(DiskOp& op);

  // The descriptor of an open file.
  int descriptor(FileHandle file) const;
  Error error(const DiskOp& op, int number) const;
  // Whether a read of `op` that has come to `done` bytes is at the end of its file.
  Result<bool> at_end(const DiskOp& op, uint64_t done) const;

 private:
  struct File {
    Descriptor descriptor;
    std::string path;
  };
  Result<uint64_t> open(DiskOp& op);
  Result<uint64_t> close(const DiskOp& op);
  Result<uint64_t> read(DiskOp& op) const;
  Result<uint64_t> write(DiskOp& op);
  Result<uint64_t> make_directory(const DiskOp& op) const;
  Result<uint64_t> sync_directory(const DiskOp& op) const;
  Result<uint64_t> list(DiskOp& op) const;
  Result<uint64_t> lock(const DiskOp& op) const;
  Result<uint64_t> outcome(const DiskOp& op, int returned) const;

  mutable std::mutex mutex_;
  std::deque<File> files_;              // guarded by mutex_; index = handle
  std::vector<int32_t> free_;           // guarded by mutex_
  std::atomic<bool> has_dsync_ = true;  // until the system refuses RWF_DSYNC
};

}  // namespace revd::os

// SegmentScanner: finds and verifies batches in one segment file, through a window of large reads.
//
// Blocks (Disk::wait); for opening, offline tools and tests. Internal to wal/. Borrows the disk.
// Errors: those of the disk alone; bytes that are no batch are a plain "none".
#pragma once

#include <optional>
#include <string>

#include "base/disk.h"
#include "wal/log_map.h"

namespace revd::wal {

struct FoundBatch {
  BatchHeader header;
  uint64_t offset = 0;
  ByteSpan records;  // borrowed from the scanner until its next call
};

class SegmentScanner {
 public:
  // `limit`: where the segment ends.
  SegmentScanner(Disk& disk, FileHandle file, uint64_t log, uint64_t salt, uint64_t limit);

  // The batch at `offset` if it is intact under this segment's salt and log, whatever its number and
  // predecessor; else nullopt, and reason() says what is wrong.
  Result<std::optional<FoundBatch>> batch_at(uint64_t offset);
  const char* reason() const { return reason_; }

  struct Claim {
    uint64_t offset = 0;  // of the batch that makes it
    uint64_t sequence = 0;
    uint64_t acknowledged = 0;
  };
  // The first intact batch at or after `from`, at any block, that says that `sequence` or a later one
  // was acknowledged.
  Result<std::optional<Claim>> find_claim(uint64_t from, uint64_t sequence);

 private:
  // Makes [offset, offset + bytes) readable in the window; the file's end is an error.
  Result<ByteSpan> bytes_at(uint64_t offset, uint64_t bytes);
  std::optional<FoundBatch> none(const char* reason) {
    reason_ = reason;
    return std::nullopt;
  }

  Disk& disk_;
  FileHandle file_;
  uint64_t log_;
  uint64_t salt_;
  uint64_t limit_;
  AlignedBuffer window_;
  uint64_t window_offset_ = 0;
  uint64_t window_bytes_ = 0;
  const char* reason_ = "";
};

// Decodes what a verified batch does. `terms` is the log before it and is brought up to date; a record
// that can't follow what is there, or malformed bytes, are kDataLoss.
Result<BatchSummary> replay_batch(const FoundBatch& batch, TermTable& terms);

}  // namespace revd::wal

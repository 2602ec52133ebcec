// Recovery: from a directory to a log that can be written, or an error that says where the damage is.
//
// Blocks (Disk::wait). Internal to wal/. In this order, so that a crash in between changes nothing:
//  1. every file and the directory are synced and the page cache is dropped, then all is read;
//  2. the batches are replayed, the first bad one is judged (README's table); damage ends it here,
//     with nothing written;
//  3. the hard state's copies are made equal, segments that nothing names become spares;
//  4. a seal of this run is written durably behind the last good batch.
#pragma once

#include <deque>
#include <string>

#include "wal/appender.h"
#include "wal/hard_state.h"
#include "wal/segments.h"

namespace revd::wal {

struct RecoveredLog {
  LogIdentity identity;
  TermTable terms{LogPosition()};
  DurableLog log{LogIndex()};
  LogIndex commit;
  TailPosition tail;
  std::deque<Segment> segments;
  std::deque<Spare> spares;
  uint64_t next_spare_id = 1;
  HardStateCopy hard_state;
  FileHandle hard_state_files[2] = {kNoFile, kNoFile};
};

// Steps 1 to 4, or a new log where there is none and options.create says so. `run` goes into the seal.
Result<RecoveredLog> recover(Env env, const WalOptions& options, uint64_t run);

// ---- The steps' parts, each in its own file. ----

// Closes every handle that it was given, unless release() took them over.
class OpenFiles {
 public:
  explicit OpenFiles(Disk& disk) : disk_(disk) {}
  ~OpenFiles();
  OpenFiles(const OpenFiles&) = delete;
  OpenFiles& operator=(const OpenFiles&) = delete;
  void add(FileHandle file) { files_.push_back(file); }
  Status close(FileHandle file);
  void release() { files_.clear(); }

 private:
  Disk& disk_;
  std::vector<FileHandle> files_;
};

// A file with a segment's or a spare's name, synced and with its header read.
struct SegmentFile {
  uint64_t number = 0;  // or the spare's id
  std::string name;
  FileHandle file = kNoFile;
  uint64_t size = 0;
  std::optional<SegmentHeader> header;  // nullopt: unreadable, or not this file's
};

struct LogDirectory {
  std::vector<SegmentFile> segments;  // ascending
  std::vector<SegmentFile> spares;
  std::vector<std::string> unfinished;
  bool has_hard_state = false;
  uint64_t next_spare_id = 1;
};

// Lists, opens, syncs, reads the headers; nullopt if there is no directory.
Result<std::optional<LogDirectory>> read_directory(Disk& disk, const WalOptions& options, OpenFiles& files);

// What replaying gave: how far the log is whole.
struct Replay {
  LogIdentity identity;
  TermTable terms{LogPosition()};
  DurableLog log{LogIndex()};
  LogIndex commit;
  TailPosition tail;
  size_t segment_count = 0;  // of directory.segments, from the lowest; the others are named by nobody
};
// Replays and judges the first bad batch; kDataLoss if it was acknowledged. Writes nothing.
Result<Replay> replay_log(Disk& disk, const WalOptions& options, const LogDirectory& directory);

// Reads both copies, makes them equal. `log` is the one whose state it must be.
Result<HardStateCopy> recover_hard_state(Disk& disk, const WalOptions& options, const Uuid& log,
                                         OpenFiles& files, FileHandle (&handles)[2]);
// Writes both copies of a new log, which isn't there before its first segment is.
Result<HardStateCopy> create_hard_state(Disk& disk, const WalOptions& options, const Uuid& log,
                                        OpenFiles& files, FileHandle (&handles)[2]);

}  // namespace revd::wal

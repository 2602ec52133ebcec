// Wal: an ordered, truncatable log of entries on one Disk, and the hard state beside it.
//
// Thread rule: one reactor thread. open() and for_each() block (Disk::wait) and may not be called from
// within a completion; everything else returns at once. Callbacks run on the reactor thread, never
// inside the call that took them; they may call the log again, but not destroy it.
// Owns: its directory, its files and buffers. Borrows: the seams of Env, which must outlive it.
// Destroying a log that has work under way is fine: unfinished callbacks are dropped, not called. But what
// the disk has begun still ends on it: who opens the directory again waits for close() first.
// Errors: kInvalidArgument (a caller's mistake; nothing has changed), kResourceExhausted (the queue is
// full; nothing has changed), kDataLoss (damage, with file, offset and index in its text), and whatever
// the disk says. After a failed write or sync the log has failed for good: everything pending and every
// later call gets that error, nothing is repeated.
// Limits: one entry takes at most max_entry_payload() bytes; queued bytes at most max_queued_bytes.
// Format, recovery table and crash cases: wal/README.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/histogram.h"
#include "base/result.h"
#include "wal/format.h"

namespace revd::wal {

struct WalOptions {
  std::string directory;               // made if missing; its parent must exist
  std::optional<LogIdentity> create;   // makes a new log where there is none; otherwise that is kNotFound
  LogPosition base;                    // of a new log: the entry before its first one
  std::optional<Uuid> expected_log;    // another log in the directory is kFailedPrecondition
  uint64_t start_segment = 0;          // must exist (the superblock names it); 0: whichever is lowest
  uint64_t acknowledged_sequence = 0;  // known from elsewhere (the superblock) to have been acknowledged
  uint64_t segment_bytes = 64 << 20;   // of new segments; whole blocks
  uint32_t spares_ready = 1;           // spare segments made ahead of need; at least 1
  uint32_t spares_kept = 4;            // recycled segments beyond this many spares are removed
  uint32_t write_depth = 1;            // batches under way at once, 1 to 4
  size_t max_batch_bytes = 2 << 20;    // whole blocks; also bounds an entry
  size_t max_queued_bytes = 64 << 20;  // beyond it, appends are refused
  Duration seal_delay = std::chrono::milliseconds(5);
  bool use_fdatasync = false;  // write + fdatasync instead of RWF_DSYNC
};

// What an append promised: entries up to last_index are durable, if `epoch` is still the log's.
// The epoch grows with each cut of the tail, so a late completion can't confirm newer entries.
struct AppendToken {
  Term term;  // of the last entry
  uint64_t epoch = 0;
  LogIndex last_index;
  friend bool operator==(const AppendToken&, const AppendToken&) = default;
};

// Called once: when everything up to and including the appended is durable, in the order of the
// calls; or with the error that stopped the log.
using AppendDone = std::move_only_function<void(const Result<AppendToken>&)>;
using StatusDone = std::move_only_function<void(const Status&)>;

// Entries read back; their payloads borrow from `memory`.
struct EntryChunk {
  std::vector<Entry> entries;
  std::vector<AlignedBuffer> memory;
};
using ReadDone = std::move_only_function<void(Result<EntryChunk>)>;

struct WalStatistics {
  uint64_t batches = 0;  // with records
  uint64_t seals = 0;    // without
  uint64_t entries = 0;
  uint64_t entry_bytes = 0;    // payloads
  uint64_t written_bytes = 0;  // batches with their padding
  uint64_t segments_started = 0;
  uint64_t segments_recycled = 0;  // made spare or removed
  uint64_t spares_created = 0;
  Histogram write_ns;  // from handing a batch to the disk until it is durable
};

class Wal {
 public:
  // Recovers the log as README's table says, makes it writable and records durably where its tail is.
  static Result<std::unique_ptr<Wal>> open(Env env, WalOptions options);
  // Drops `log`, and calls back (on the reactor) once nothing of it is under way any more.
  static void close(std::unique_ptr<Wal> log, std::move_only_function<void()> closed);
  ~Wal();
  Wal(const Wal&) = delete;
  Wal& operator=(const Wal&) = delete;

  // ---- Appending. Entries are copied; a token is returned once they are queued. ----
  // Indexes go on from last_index() and terms never fall, else kInvalidArgument. At least one entry.
  Result<AppendToken> append(std::span<const Entry> entries, AppendDone on_durable);
  // Entries above `after` are gone at once, durably with on_durable. `after` in [first_index() - 1,
  // last_index() - 1], else kInvalidArgument.
  Result<AppendToken> cut_tail(LogIndex after, AppendDone on_durable);
  Result<AppendToken> append_checkpoint(const CheckpointRecord& record, AppendDone on_durable);
  // The state is a snapshot from now on (raft.md). Decides tail_kept itself: entries above record.last
  // stay if the log has that very entry; else the log restarts after it and the epoch grows.
  Result<AppendToken> append_snapshot_switch(SnapshotSwitch record, AppendDone on_durable);
  // Calls back once everything appended so far is durable and a later record says so (for a clean end).
  void flush(StatusDone on_sealed);

  // ---- Head. ----
  // Entries below `index` aren't needed any more; never falls. Whole segments below it are recycled in
  // the background, except the one with the newest checkpoint record or switch.
  // Segments from `first_segment` on stay in any case: the one that a superblock names as its replay's
  // start may hold no entry that is still needed.
  void set_floor(LogIndex index, uint64_t first_segment = UINT64_MAX);

  // ---- Hard state. ----
  // Durable in both copies when on_durable comes. Terms never fall and a vote in a term never
  // changes, else CHECK fails. Calls under way are merged: the last one is written.
  void save_hard_state(Term term, NodeId vote, StatusDone on_durable);
  // A hint that travels with the next batch or hard state; nobody waits for it.
  void note_commit(LogIndex index);
  // As last saved; commit is the highest hint known.
  HardState hard_state() const;

  // ---- Reading. ----
  // Durable entries from `first` to at most `last`: as many as fit into max_bytes of payload, at least
  // one. kOutOfRange below first_index() or above durable_index(); kAborted if the tail was cut meanwhile.
  void read(LogIndex first, LogIndex last, size_t max_bytes, ReadDone done);
  // Blocks: every durable entry in [first, last] in order, a batch at a time in memory.
  Status for_each(LogIndex first, LogIndex last, const std::function<Status(const Entry&)>& visit);

  // ---- State. ----
  LogIndex first_index() const;  // of the first entry kept; last_index() + 1 if there is none
  LogIndex last_index() const;   // of the last entry appended, durable or not
  Term last_term() const;
  // nullopt outside [first_index() - 1, last_index()].
  std::optional<Term> term_at(LogIndex index) const;
  LogIndex durable_index() const;
  uint64_t epoch() const;
  // For the superblock: of the last durable batch, and the segment where a replay of `index` and all
  // later records starts (the current one if `index` isn't in the log yet).
  uint64_t acknowledged_sequence() const;
  uint64_t segment_of(LogIndex index) const;
  uint64_t current_segment() const;
  const LogIdentity& identity() const;
  // The last checkpoint record of each file, oldest first, and the last switch, as far as durable.
  const std::vector<CheckpointRecord>& checkpoints() const;
  const std::optional<SnapshotSwitch>& snapshot_switch() const;
  size_t queued_bytes() const;  // appended and not yet durable
  size_t max_entry_payload() const;
  size_t spare_count() const;
  bool failed() const;
  // No operation of this log is under way on the disk. Who opens the directory again in the same process
  // waits for it first.
  bool idle() const;
  const WalStatistics& statistics() const;

 private:
  struct Impl;
  void abandon(std::move_only_function<void()> closed);
  explicit Wal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace revd::wal

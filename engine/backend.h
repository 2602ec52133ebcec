// Backend: one log married to one page file in a data directory.
//
// An entry is durable once the log says so; its effect is in the trees once the layer above has applied
// it; a checkpoint writes the trees in one atomic step together with the index of the last entry that they
// contain, after which the log before it can go. After a crash: newest acceptable superblock, then the
// log's entries from there on. Crash cases and their tests: engine/README.md.
//
// Thread rule: the reactor thread. open(), replay() and close() block, and may not be called from within a
// task or completion. Owns the data directory (one process at a time: a lock file), the log and the page
// file. Borrows Env, which outlives it. Transactions, snapshots and cursors go before it does.
// Errors: kInvalidArgument (a wrong setting, named), kFailedPrecondition (another process has the
// directory), kDataLoss (damage: which file, where). After a failure of its own disk failed() is an error
// for good and the owner stops the process.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/env.h"
#include "engine/backend_config.h"
#include "engine/types.h"

namespace revd {

struct RecoveryReport {
  bool created = false;              // the directory was empty
  bool superblock_fallback = false;  // the newest generation could not be used
  AppliedPosition checkpoint;        // what the superblock held
  LogIndex log_last;                 // the log's last entry
  uint64_t entries_to_replay = 0;
};

struct BackendStatistics {
  btree::PageFileStats pages;
  wal::WalStatistics log;
  uint64_t checkpoints = 0;
  Histogram checkpoint_ns;  // from its start until its superblock is durable
};

class Backend {
 public:
  static Result<std::unique_ptr<Backend>> open(Env& env, const BackendConfig& config);
  ~Backend();

  const RecoveryReport& recovery() const;
  // Blocks. Hands the log's entries after applied() to `apply`, in order; each is to be committed by it
  // with its own position. Once, before anything is appended.
  Status replay(const std::function<Status(const LogEntry&)>& apply);

  // The log: appending, hard state, reading back. Its head and checkpoint records are Backend's own.
  wal::Wal& log();

  // ---- Trees (btree/page_file.h has the contracts). ----
  // To be called with the same names at each start, before replay().
  Result<TreeId> ensure_tree(std::string_view name, const TreeOptions& options = {});
  std::optional<TreeId> find_tree(std::string_view name) const;
  WriteTxn begin_write(const WriteOptions& options = {});
  // Publishes, and starts a checkpoint soon if one is due.
  void commit(WriteTxn txn, const AppliedPosition& applied);
  Snapshot snapshot();
  const AppliedPosition& applied() const;
  void load(const PageRequest& request, std::move_only_function<void(Status)> done);
  // Sum of what the newest checkpoint refers to, plus what has changed since (an estimate), in bytes.
  uint64_t live_bytes() const;

  // ---- Checkpoints. They also start by themselves, as BackendConfig says. ----
  // `done` comes when a checkpoint that contains everything applied by now is durable.
  void checkpoint(std::move_only_function<void(Status)> done);
  bool checkpoint_running() const;

  // The error that stopped log or page file, and a call when that happens.
  Status failed() const;
  void on_failure(std::function<void(const Error&)> stop);

  // For backups, tools and tests.
  const btree::PageFile& page_file() const;
  BackendStatistics statistics() const;
  const BackendConfig& config() const;
  // The whole page file read and checked; no transaction may be open. Blocks.
  Result<btree::VerifyReport> verify(const btree::VerifyOptions& options = {});
  // Blocks: a last checkpoint, the log sealed. Nothing may be appended or applied any more.
  Status close();

 private:
  struct Impl;
  explicit Backend(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Where things lie in a data directory.
std::string page_file_path(const std::string& data_dir);
std::string wal_directory(const std::string& data_dir);

}  // namespace revd

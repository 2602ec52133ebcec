// MvccStore: the state machine: history of keys, leases, sessions, alarms.
//
// apply() (or Applier, which does it in slices) is the only door to a change of meaning; it reads nothing
// but the log's entry and the trees, so every replica reaches the same logical state. Physical compaction
// (PhysicalCompaction) is the second door: it changes no answer that is still permitted. Reads see what was
// published last. The store has no log and no timers: who drives it (EmbeddedStore, a server's node)
// makes entries out of commands, and hands them in when they are committed.
//
// Thread rule: the reactor thread. Borrows Env and Backend, which outlive it. Errors: the table in
// mvcc/README.md for what a caller can do wrong; kDataLoss for damage; an error of apply() means that the
// node must stop. Units: revisions; milliseconds for ttls.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mvcc/apply_task.h"
#include "mvcc/change.h"
#include "mvcc/command/requests.h"
#include "mvcc/command/responses.h"
#include "mvcc/range_task.h"
#include "mvcc/store_core.h"

namespace revd {

struct StorageMetrics {
  int64_t current_revision = 0;
  int64_t compact_revision = 0;
  uint64_t key_count = 0;                 // keys that are there now
  uint64_t db_size_bytes = 0;             // of the page file
  uint64_t live_bytes = 0;                // of it, what is in use; the quota counts these
  int64_t physical_compact_revision = 0;  // up to where the space has been given back
};

// Where commands go to become entries: the embedded driver, a server's node.
class CommandDriver;

class MvccStore {
 public:
  // Makes its trees in a new data directory. Before Backend::replay(), whose entries go to apply().
  static Result<std::unique_ptr<MvccStore>> open(Env& env, Backend& backend);
  ~MvccStore();

  // Applies one entry and publishes it. The error of a command is in its result; an error of this call means
  // that the node can't go on. For replay and tests; Applier does the same in slices and batches.
  Result<CommandResult> apply(const LogEntry& entry);
  // Before any entry; null: nobody.
  void set_listener(ChangeListener* listener) { core_->listener = listener; }

  // ---- What is published. ----
  int64_t current_revision() const { return core_->published.revision; }
  int64_t compact_revision() const { return core_->published.floor; }
  const AppliedPosition& applied() const { return core_->published.applied; }
  StorageMetrics metrics() const;
  const std::set<StandingAlarm>& alarms() const { return core_->alarms; }

  // ---- Reads of the published state. They block on pages that aren't in memory. ----
  Result<RangeResponse> range(const RangeRequest& request);
  // `log_now`: the time that remains is counted from there; not before applied().log_time.
  Result<LeaseTimeToLiveResponse> lease_time_to_live(const LeaseTimeToLiveRequest& request, LogTime log_now);
  Result<LeaseLeasesResponse> lease_leases();
  Result<std::vector<std::string>> get_keys_by_lease(LeaseId id);
  // What the leader has to end: at most `max` leases (sessions) whose deadline is at or before `now`.
  Result<std::vector<LeaseId>> due_leases(LogTime now, size_t max);
  Result<std::vector<SessionId>> due_sessions(LogTime now, size_t max);
  // Whether log time must go on: leases or sessions exist.
  Result<bool> needs_time();

  // ---- Embedded calls, through the driver that was set. They block until the answer is there. ----
  void set_driver(CommandDriver* driver) { driver_ = driver; }
  Result<PutResponse> put(const PutRequest& request);
  Result<DeleteRangeResponse> delete_range(const DeleteRangeRequest& request);
  Result<TxnResponse> txn(const TxnRequest& request);
  Result<CompactResponse> compact(const CompactRequest& request);
  Result<LeaseGrantResponse> put_lease(const LeaseGrantRequest& request);
  Result<LeaseRevokeResponse> revoke_lease(LeaseId id);
  Result<LeaseKeepAliveResponse> keep_lease_alive(LeaseId id);
  // Puts the key again with its own value and this lease. `key not found`, `requested lease not found`.
  Result<PutResponse> associate_key_with_lease(const std::string& key, LeaseId id);
  // The events of a range from `start_revision` to the current revision, as a watch would get them.
  Result<std::vector<Event>> watch_events(const std::string& key, const std::string& range_end,
                                          int64_t start_revision);

  // What the parts of mvcc share; not for others.
  StoreCore& core() { return *core_; }

 private:
  explicit MvccStore(std::unique_ptr<StoreCore> core);
  std::unique_ptr<StoreCore> core_;
  CommandDriver* driver_ = nullptr;
};

}  // namespace revd

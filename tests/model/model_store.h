// ModelStore: the whole data model, written as plainly as possible, to compare the real one with.
//
// Independent of mvcc/ but for its request and response structs. Everything is in std::map and
// linear scans; a copy is a snapshot. Single-threaded, deterministic, owns all. Errors are the
// table's. The rules are numbered as in the design's chapter on MVCC. What it leaves out: README.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "mvcc/command/requests.h"
#include "mvcc/command/responses.h"
#include "mvcc/command/types.h"

namespace revd {

struct ModelOptions {
  int64_t lease_ttl_min_ms = 2000;
  uint32_t txn_operations_max = 128;
};

class ModelStore {
 public:
  // One change of one key. A tombstone's kv has key and mod_revision alone.
  struct Record {
    bool tombstone = false;
    KeyValue kv{};
    friend bool operator==(const Record&, const Record&) = default;
  };

  explicit ModelStore(ModelOptions options = {}) : options_(options) {}

  Result<PutResponse> put(const PutRequest& request);
  Result<RangeResponse> range(const RangeRequest& request) const;
  Result<DeleteRangeResponse> delete_range(const DeleteRangeRequest& request);
  Result<TxnResponse> txn(const TxnRequest& request);
  Result<CompactResponse> compact(const CompactRequest& request);

  // Id 0 takes the smallest id that is free.
  Result<LeaseGrantResponse> lease_grant(const LeaseGrantRequest& request);
  Result<LeaseRevokeResponse> lease_revoke(const LeaseRevokeRequest& request);
  LeaseKeepAliveResponse lease_keep_alive(const LeaseKeepAliveRequest& request);
  LeaseTimeToLiveResponse lease_time_to_live(const LeaseTimeToLiveRequest& request) const;
  LeaseLeasesResponse lease_leases() const;
  // Log time goes on; nothing expires by itself.
  void advance_time(int64_t by_ms) { now_ms_ += by_ms; }
  // Revokes those of `ids` that exist and whose deadline has passed, each in a revision of its own.
  EmptyResponse lease_expire(const std::vector<LeaseId>& ids);

  // The events that a watch like `request` gets at revisions from `start` to the current one; its own
  // start revision isn't looked at. The compacted error if `start` is below the compacted revision.
  Result<std::vector<Event>> events(const WatchCreateRequest& request, int64_t start) const;

  int64_t current_revision() const { return current_; }
  int64_t compact_revision() const { return compacted_; }
  // Keys that a range over everything finds now.
  int64_t key_count() const;
  // Everything that compaction has left, in order: what the real store's revision tree must hold.
  const std::map<Revision, Record>& records() const { return log_; }

 private:
  struct Lease {
    int64_t ttl_ms = 0;
    int64_t deadline_ms = 0;
  };

  // Reading. `main` is a revision, the one being written included.
  std::optional<KeyValue> state_of(const std::string& key, int64_t main) const;
  std::vector<KeyValue> states(const std::string& key, const std::string& range_end, int64_t main) const;
  Status check_readable(int64_t revision) const;
  RangeResponse range_at(const RangeRequest& request, int64_t newest) const;
  std::vector<std::string> keys_of(LeaseId lease) const;

  // Writing: begin, any number of changes, then commit (a revision if there were any) or roll back.
  int64_t writing() const { return changes_ > 0 ? current_ + 1 : current_; }
  void change(Record record);
  void commit();
  void roll_back();
  Status check_put_now(const PutRequest& request, std::set<LeaseId>& granted) const;
  Result<PutResponse> write_put(const PutRequest& request);
  DeleteRangeResponse write_delete(const DeleteRangeRequest& request);
  void write_revoke(LeaseId id);
  LeaseId add_lease(LeaseId asked, int64_t ttl_ms);

  // Transactions.
  bool holds(const Compare& compare) const;
  // The branches that will be taken, in the order in which operations are met (rule 4).
  void choose(const TxnRequest& request, std::vector<bool>& path) const;
  Status check_puts(const TxnRequest& request, const std::vector<bool>& path, size_t& at,
                    std::set<LeaseId>& granted) const;
  Status check_ranges(const TxnRequest& request, const std::vector<bool>& path, size_t& at) const;
  Result<TxnResponse> run(const TxnRequest& request, const std::vector<bool>& path, size_t& at);

  ModelOptions options_;
  int64_t current_ = kFirstRevision;
  int64_t compacted_ = kNeverCompacted;
  int64_t changes_ = 0;                             // of the revision being written
  std::vector<LeaseId> leases_made_;                // by the command being applied
  std::map<Revision, Record> log_;                  // all of history that is kept
  std::map<std::string, std::set<Revision>> keys_;  // where in log_ each key is
  std::map<LeaseId, Lease> leases_;
  int64_t now_ms_ = 0;
};

}  // namespace revd

#include "mvcc/change_writer.h"

#include "base/mutant.h"

namespace revd {

Status ChangeWriter::put(const PutView& put, PutResponse& response) {
  TRY_ASSIGN(const bool found, core_.keys.find(view(), put.key, entry_));
  const bool live = found && !entry_.tombstone;
  if (live && (put.prev_kv || put.ignore_value)) TRY(core_.revisions.load(view(), entry_.at, record_));
  if (live && put.prev_kv) response.prev_kv = record_.key_value();
  const bool own_lease = put.ttl_ms != 0;
  if (own_lease) TRY(grant(put.lease, put.ttl_ms));
  const LeaseId old_lease = live ? entry_.lease : kNoLease;
  const LeaseId lease = put.ignore_lease ? old_lease : put.lease;
  TRY(move_lease(put.key, old_lease, lease));
  TRY(write(put.key, found, &put, lease, put.ignore_value ? record_.record().value : put.value));
  if (own_lease) response.lease = put.lease;
  return {};
}

Result<bool> ChangeWriter::erase(std::string_view key, std::optional<KeyValue>* prev) {
  TRY_ASSIGN(const bool found, core_.keys.find(view(), key, entry_));
  if (!found || entry_.tombstone) return false;
  if (prev != nullptr) {
    TRY(core_.revisions.load(view(), entry_.at, record_));
    *prev = record_.key_value();
  }
  TRY(move_lease(key, entry_.lease, kNoLease));
  TRY(write(key, found, nullptr, kNoLease, {}));
  return true;
}

Status ChangeWriter::grant(LeaseId id, int64_t ttl_ms) {
  LogTime from = time_;
  // What is published when is this node's own affair: batches differ between replicas.
  if (MUTANT(NondeterministicApply)) from = core_.published.applied.log_time;
  return core_.leases.add(*core_.txn, id, {ttl_ms, deadline_after(from, ttl_ms)});
}

void ChangeWriter::end_revision() {
  if (sub_ == 0) return;
  ++core_.working.revision;
  sub_ = 0;
}

Status ChangeWriter::move_lease(std::string_view key, LeaseId from, LeaseId to) {
  if (from == to) return {};
  if (from != kNoLease) TRY(core_.leases.detach(*core_.txn, from, key));
  if (to != kNoLease) TRY(core_.leases.attach(*core_.txn, to, key));
  return {};
}

// Appends the change to R, then makes it the key's newest in K. A null `put` is a delete.
Status ChangeWriter::write(std::string_view key, bool found, const PutView* put, LeaseId lease,
                           std::string_view value) {
  const Revision at = next_revision();
  const bool was_live = found && !entry_.tombstone;
  Record record;
  record.tombstone = put == nullptr;
  record.has_prev = found;
  record.key = key;
  record.value = value;
  record.lease = lease;
  if (put != nullptr) {
    record.create = was_live ? entry_.create : at.main;
    record.version = was_live ? entry_.version + 1 : 1;
  }
  if (found) {
    record.prev = entry_.at;
    record.prev_has_rest = entry_.has_rest;
    entry_.spine.advance(entry_.at, entry_.depth);
    record.jump = entry_.spine.jump();
    record.depth = entry_.depth + 1;
  } else {
    entry_.spine.clear();
  }
  TRY(core_.revisions.append(*core_.txn, at, record));

  entry_.tombstone = record.tombstone;
  entry_.has_rest = record.has_rest;
  entry_.at = at;
  entry_.create = record.create;
  entry_.version = record.version;
  entry_.lease = lease;
  entry_.depth = record.depth;
  TRY(core_.keys.put(*core_.txn, key, entry_));

  ++sub_;
  if (record.tombstone) ++core_.working.tombstones;
  if (found && !was_live) --core_.working.tombstones;
  if (core_.listener != nullptr) tell(at, key, value);
  return {};
}

void ChangeWriter::tell(const Revision& at, std::string_view key, std::string_view value) {
  core_.listener->on_change({.at = at,
                             .tombstone = entry_.tombstone,
                             .key = key,
                             .value = value,
                             .create = entry_.create,
                             .version = entry_.version,
                             .lease = entry_.lease});
}

}  // namespace revd

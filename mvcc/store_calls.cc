// The embedded calls of MvccStore: check and encode (Proposer), then have it applied (CommandDriver).
#include "mvcc/command/errors.h"
#include "mvcc/command_driver.h"
#include "mvcc/proposer.h"
#include "mvcc/store.h"

namespace revd {
namespace {

template <typename Answer, typename Request>
Result<Answer> call(CommandDriver* driver,
                    Result<std::string> (Proposer::*build)(const CommandHeader&, const Request&),
                    const Request& request) {
  if (driver == nullptr) return api_error(ApiError::kStopped);
  TRY_ASSIGN(std::string command, (driver->proposer().*build)(CommandHeader{}, request));
  TRY_ASSIGN(const CommandResult result, driver->execute(std::move(command)));
  return result.as<Answer>();
}

}  // namespace

Result<PutResponse> MvccStore::put(const PutRequest& request) {
  return call<PutResponse>(driver_, &Proposer::put, request);
}

Result<DeleteRangeResponse> MvccStore::delete_range(const DeleteRangeRequest& request) {
  return call<DeleteRangeResponse>(driver_, &Proposer::delete_range, request);
}

Result<TxnResponse> MvccStore::txn(const TxnRequest& request) {
  return call<TxnResponse>(driver_, &Proposer::txn, request);
}

Result<CompactResponse> MvccStore::compact(const CompactRequest& request) {
  return call<CompactResponse>(driver_, &Proposer::compact, request);
}

Result<LeaseGrantResponse> MvccStore::put_lease(const LeaseGrantRequest& request) {
  return call<LeaseGrantResponse>(driver_, &Proposer::lease_grant, request);
}

Result<LeaseRevokeResponse> MvccStore::revoke_lease(LeaseId id) {
  return call<LeaseRevokeResponse>(driver_, &Proposer::lease_revoke, LeaseRevokeRequest{id});
}

Result<LeaseKeepAliveResponse> MvccStore::keep_lease_alive(LeaseId id) {
  return call<LeaseKeepAliveResponse>(driver_, &Proposer::lease_keep_alive, LeaseKeepAliveRequest{{id}});
}

Result<PutResponse> MvccStore::associate_key_with_lease(const std::string& key, LeaseId id) {
  return put({.key = key, .lease = id, .ignore_value = true});
}

// Blocks on pages that aren't in memory; a watch on a WatchStream doesn't.
Result<std::vector<Event>> MvccStore::watch_events(const std::string& key, const std::string& range_end,
                                                   int64_t start_revision) {
  const int64_t start = start_revision > 0 ? start_revision : current_revision() + 1;
  if (start < compact_revision()) return compacted_error(compact_revision());
  const KeyRange range = KeyRange::of_watch(key, range_end);
  Snapshot snapshot = core_->backend.snapshot();
  const ReadView view(snapshot, ReadMode::kBlocking);
  TRY_ASSIGN(Cursor cursor, ReadView(view).cursor(core_->trees.revisions));
  TRY(cursor.seek(RevisionKey({start, 0}).view()));
  std::vector<Event> events;
  RecordBuffer record;
  while (cursor.valid()) {
    TRY_ASSIGN(const ParsedRevisionKey at, parse_revision_key(cursor.key()));
    if (!at.rest) {
      TRY(core_->revisions.load(view, at.at, record));
      if (range.contains(record.record().key)) {
        Event& event = events.emplace_back();
        event.type = record.record().tombstone ? EventType::kDelete : EventType::kPut;
        event.kv = record.key_value();
      }
    }
    TRY(cursor.next());
  }
  return events;
}

}  // namespace revd

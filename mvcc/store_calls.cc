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

}  // namespace revd

#include <algorithm>

#include "mvcc/command/errors.h"
#include "tests/model/model_store.h"

namespace revd {

std::vector<std::string> ModelStore::keys_of(LeaseId lease) const {
  std::vector<std::string> attached;
  for (const auto& [key, history] : keys_) {
    const auto kv = state_of(key, current_);
    if (kv && kv->lease == lease) attached.push_back(key);
  }
  return attached;
}

LeaseId ModelStore::add_lease(LeaseId asked, int64_t ttl_ms) {
  LeaseId id = asked;
  if (id == kNoLease)
    for (id = LeaseId(1); leases_.contains(id);) id = id.next();
  const int64_t granted_ms = std::max(ttl_ms, options_.lease_ttl_min_ms);
  leases_[id] = {.ttl_ms = granted_ms, .deadline_ms = now_ms_ + granted_ms};
  leases_made_.push_back(id);
  return id;
}

// Rule 17.
Result<LeaseGrantResponse> ModelStore::lease_grant(const LeaseGrantRequest& request) {
  if (request.ttl_ms > 9'000'000'000'000) return api_error(ApiError::kLeaseTtlTooLarge);
  if (leases_.contains(request.id)) return api_error(ApiError::kLeaseExists);
  const LeaseId id = add_lease(request.id, request.ttl_ms);
  commit();
  return LeaseGrantResponse{.revision = current_, .id = id, .ttl_ms = leases_.at(id).ttl_ms};
}

// Rule 16.
void ModelStore::write_revoke(LeaseId id) {
  for (const std::string& key : keys_of(id)) change({.tombstone = true, .kv = {.key = key}});
  leases_.erase(id);
  commit();
}

Result<LeaseRevokeResponse> ModelStore::lease_revoke(const LeaseRevokeRequest& request) {
  if (!leases_.contains(request.id)) return api_error(ApiError::kLeaseNotFound);
  write_revoke(request.id);
  return LeaseRevokeResponse{.revision = current_};
}

EmptyResponse ModelStore::lease_expire(const std::vector<LeaseId>& ids) {
  for (const LeaseId id : ids) {
    const auto lease = leases_.find(id);
    if (lease != leases_.end() && lease->second.deadline_ms <= now_ms_) write_revoke(id);
  }
  return {.revision = current_};
}

// Rule 18.
LeaseKeepAliveResponse ModelStore::lease_keep_alive(const LeaseKeepAliveRequest& request) {
  LeaseKeepAliveResponse response{.revision = current_};
  for (const LeaseId id : request.ids) {
    const auto lease = leases_.find(id);
    if (lease != leases_.end()) lease->second.deadline_ms = now_ms_ + lease->second.ttl_ms;
    response.ttls_ms.push_back(lease != leases_.end() ? lease->second.ttl_ms : 0);
  }
  return response;
}

LeaseTimeToLiveResponse ModelStore::lease_time_to_live(const LeaseTimeToLiveRequest& request) const {
  LeaseTimeToLiveResponse response{.revision = current_, .id = request.id, .ttl_ms = -1};
  const auto lease = leases_.find(request.id);
  if (lease == leases_.end()) return response;
  response.ttl_ms = std::max<int64_t>(0, lease->second.deadline_ms - now_ms_);
  response.granted_ttl_ms = lease->second.ttl_ms;
  if (request.keys) response.keys = keys_of(request.id);
  return response;
}

LeaseLeasesResponse ModelStore::lease_leases() const {
  LeaseLeasesResponse response{.revision = current_};
  for (const auto& [id, lease] : leases_) response.ids.push_back(id);
  return response;
}

}  // namespace revd

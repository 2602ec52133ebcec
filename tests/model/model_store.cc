// Reads, writes, compaction and events; model_txn.cc has transactions, model_lease.cc leases.
#include "tests/model/model_store.h"

#include <algorithm>
#include <compare>
#include <limits>
#include <utility>

#include "base/check.h"
#include "mvcc/command/errors.h"
#include "tests/model/model_check.h"

namespace revd {
namespace {

constexpr int64_t kLastSub = std::numeric_limits<int64_t>::max();

bool passes_filters(const RangeRequest& request, const KeyValue& kv) {
  return (request.min_mod_revision == 0 || kv.mod_revision >= request.min_mod_revision) &&
         (request.max_mod_revision == 0 || kv.mod_revision <= request.max_mod_revision) &&
         (request.min_create_revision == 0 || kv.create_revision >= request.min_create_revision) &&
         (request.max_create_revision == 0 || kv.create_revision <= request.max_create_revision);
}

bool has_filters(const RangeRequest& request) {
  return request.min_mod_revision != 0 || request.max_mod_revision != 0 || request.min_create_revision != 0 ||
         request.max_create_revision != 0;
}

bool sorts_before(SortTarget target, const KeyValue& a, const KeyValue& b) {
  switch (target) {
    case SortTarget::kKey: return a.key < b.key;
    case SortTarget::kVersion: return a.version < b.version;
    case SortTarget::kCreate: return a.create_revision < b.create_revision;
    case SortTarget::kMod: return a.mod_revision < b.mod_revision;
    case SortTarget::kValue: return a.value < b.value;
  }
  return false;
}

}  // namespace

std::optional<KeyValue> ModelStore::state_of(const std::string& key, int64_t main) const {
  const auto history = keys_.find(key);
  if (history == keys_.end()) return std::nullopt;
  const auto after = history->second.upper_bound(Revision{main, kLastSub});
  if (after == history->second.begin()) return std::nullopt;
  const Record& record = log_.at(*std::prev(after));
  if (record.tombstone) return std::nullopt;
  return record.kv;
}

std::vector<KeyValue> ModelStore::states(const std::string& key, const std::string& range_end,
                                         int64_t main) const {
  std::vector<KeyValue> found;
  for (const auto& [candidate, history] : keys_) {
    if (!model_in_range(key, range_end, candidate)) continue;
    if (auto kv = state_of(candidate, main)) found.push_back(std::move(*kv));
  }
  return found;
}

int64_t ModelStore::key_count() const {
  return static_cast<int64_t>(states(std::string(1, '\0'), std::string(1, '\0'), current_).size());
}

// Rule 13.
Status ModelStore::check_readable(int64_t revision) const {
  if (revision > current_) return api_error(ApiError::kFutureRevision);
  if (revision > 0 && revision < compacted_) return compacted_error(compacted_);
  return {};
}

// Rules 11 and 12. `newest` is the revision that a request without one means.
RangeResponse ModelStore::range_at(const RangeRequest& request, int64_t newest) const {
  const int64_t main = request.revision > 0 ? request.revision : newest;
  std::vector<KeyValue> found = states(request.key, request.range_end, main);
  RangeResponse response{.revision = current_, .count = static_cast<int64_t>(found.size())};
  if (request.count_only) return response;

  const bool limited = request.limit > 0;
  const bool whole = has_filters(request) || request.sort_order != SortOrder::kNone;
  if (limited && !whole && found.size() > static_cast<size_t>(request.limit))
    found.resize(static_cast<size_t>(request.limit) + 1);
  std::erase_if(found, [&](const KeyValue& kv) { return !passes_filters(request, kv); });
  // Equals stay in the order of their keys.
  const bool descending = request.sort_order == SortOrder::kDescend;
  std::ranges::sort(found, [&](const KeyValue& a, const KeyValue& b) {
    if (sorts_before(request.sort_target, a, b)) return !descending;
    if (sorts_before(request.sort_target, b, a)) return descending;
    return a.key < b.key;
  });
  if (limited && found.size() > static_cast<size_t>(request.limit)) {
    found.resize(static_cast<size_t>(request.limit));
    response.more = true;
  }
  if (request.keys_only)
    for (KeyValue& kv : found) kv.value.clear();
  response.kvs = std::move(found);
  return response;
}

Result<RangeResponse> ModelStore::range(const RangeRequest& request) const {
  TRY(model_check_range(request));
  TRY(check_readable(request.revision));
  return range_at(request, current_);
}

void ModelStore::change(Record record) {
  const Revision at{current_ + 1, changes_++};
  record.kv.mod_revision = at.main;
  keys_[record.kv.key].insert(at);
  log_.emplace(at, std::move(record));
}

void ModelStore::commit() {
  if (changes_ > 0) ++current_;
  changes_ = 0;
  leases_made_.clear();
}

void ModelStore::roll_back() {
  for (; changes_ > 0; --changes_) {
    const auto last = std::prev(log_.end());
    const auto history = keys_.find(last->second.kv.key);
    history->second.erase(last->first);
    if (history->second.empty()) keys_.erase(history);
    log_.erase(last);
  }
  for (const LeaseId id : leases_made_) leases_.erase(id);
  leases_made_.clear();
}

// The part of rule 7 that concerns puts: its lease, then what ignore_... needs.
Status ModelStore::check_put_now(const PutRequest& request, std::set<LeaseId>& granted) const {
  if (request.ttl_ms != 0 && request.lease != kNoLease) {
    if (leases_.contains(request.lease) || !granted.insert(request.lease).second)
      return api_error(ApiError::kLeaseExists);
  } else if (request.lease != kNoLease && !leases_.contains(request.lease)) {
    return api_error(ApiError::kLeaseNotFound);
  }
  if ((request.ignore_value || request.ignore_lease) && !state_of(request.key, current_))
    return api_error(ApiError::kKeyNotFound);
  return {};
}

Result<PutResponse> ModelStore::write_put(const PutRequest& request) {
  const std::optional<KeyValue> before = state_of(request.key, writing());
  if (!before && (request.ignore_value || request.ignore_lease)) return api_error(ApiError::kKeyNotFound);
  PutResponse response;
  KeyValue kv{.key = request.key, .value = request.value, .lease = request.lease};
  if (request.ttl_ms != 0) response.lease = kv.lease = add_lease(request.lease, request.ttl_ms);
  if (request.ignore_value) kv.value = before->value;
  if (request.ignore_lease) kv.lease = before->lease;
  kv.create_revision = before ? before->create_revision : current_ + 1;
  kv.version = before ? before->version + 1 : 1;
  if (request.prev_kv) response.prev_kv = before;
  change({.tombstone = false, .kv = std::move(kv)});
  return response;
}

DeleteRangeResponse ModelStore::write_delete(const DeleteRangeRequest& request) {
  std::vector<KeyValue> gone = states(request.key, request.range_end, writing());
  for (const KeyValue& kv : gone) change({.tombstone = true, .kv = {.key = kv.key}});
  DeleteRangeResponse response{.deleted = static_cast<int64_t>(gone.size())};
  if (request.prev_kv) response.prev_kvs = std::move(gone);
  return response;
}

Result<PutResponse> ModelStore::put(const PutRequest& request) {
  TRY(model_check_put(request));
  if (request.ttl_ms > 9'000'000'000'000) return api_error(ApiError::kLeaseTtlTooLarge);
  std::set<LeaseId> granted;
  TRY(check_put_now(request, granted));
  TRY_ASSIGN(PutResponse response, write_put(request));
  commit();
  response.revision = current_;
  return response;
}

Result<DeleteRangeResponse> ModelStore::delete_range(const DeleteRangeRequest& request) {
  TRY(model_check_delete(request));
  DeleteRangeResponse response = write_delete(request);
  commit();
  response.revision = current_;
  return response;
}

// Rule 20: keeps what can be read at `revision` or above, and every record of `revision` itself.
Result<CompactResponse> ModelStore::compact(const CompactRequest& request) {
  const int64_t floor = request.revision;
  if (floor <= compacted_) return compacted_error(compacted_);
  if (floor > current_) return api_error(ApiError::kFutureRevision);
  compacted_ = floor;
  for (auto& [key, history] : keys_) {
    const auto above = history.upper_bound(Revision{floor, kLastSub});
    std::optional<Revision> newest;
    if (above != history.begin()) newest = *std::prev(above);
    std::erase_if(history, [&](const Revision& at) {
      if (at.main >= floor) return false;
      if (at == newest && !log_.at(at).tombstone) return false;
      log_.erase(at);
      return true;
    });
  }
  std::erase_if(keys_, [](const auto& entry) { return entry.second.empty(); });
  return CompactResponse{.revision = current_};
}

// Rules 14, 22 and 24.
Result<std::vector<Event>> ModelStore::events(const WatchCreateRequest& request, int64_t start) const {
  if (start < compacted_) return compacted_error(compacted_);
  const std::string key = request.key.empty() ? std::string(1, '\0') : request.key;
  std::vector<Event> events;
  for (auto at = log_.lower_bound(Revision{start, 0}); at != log_.end(); ++at) {
    const Record& record = at->second;
    if (!model_in_range(key, request.range_end, record.kv.key)) continue;
    if (record.tombstone ? request.no_delete : request.no_put) continue;
    Event event{.type = record.tombstone ? EventType::kDelete : EventType::kPut, .kv = record.kv};
    const int64_t before = at->first.main - 1;
    if (request.prev_kv && before >= compacted_) event.prev_kv = state_of(record.kv.key, before);
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace revd

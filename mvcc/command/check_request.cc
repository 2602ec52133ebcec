#include "mvcc/command/check_request.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "mvcc/command/errors.h"
#include "mvcc/command/key_range.h"

namespace revd {
namespace {

Status check_operation(const RequestOp& operation, size_t operations_max);

Status check_operations(const TxnRequest& request, size_t operations_max) {
  const size_t longest = std::max({request.compare.size(), request.success.size(), request.failure.size()});
  if (longest > operations_max) return api_error(ApiError::kTooManyOperations);
  for (const Compare& compare : request.compare)
    if (compare.key.empty()) return api_error(ApiError::kKeyNotProvided);
  for (const RequestOp& operation : request.success)
    TRY(check_operation(operation, operations_max - longest));
  for (const RequestOp& operation : request.failure)
    TRY(check_operation(operation, operations_max - longest));
  return {};
}

struct OperationChecker {
  size_t operations_max;
  Status operator()(const std::monostate&) const { return api_error(ApiError::kKeyNotFound); }
  Status operator()(const PutRequest& put) const { return check_put(put); }
  Status operator()(const RangeRequest& range) const { return check_range(range); }
  Status operator()(const DeleteRangeRequest& erase) const { return check_delete_range(erase); }
  Status operator()(const TxnRequest& txn) const { return check_operations(txn, operations_max); }
};

Status check_operation(const RequestOp& operation, size_t operations_max) {
  return std::visit(OperationChecker{operations_max}, operation.one_of);
}

// The keys that a branch deletes: single keys, and disjoint half-open ranges by their begin.
class DeletedKeys {
 public:
  // A delete of everything from a key on conflicts with nothing in etcd, so it isn't remembered.
  void add(const KeyRange& range) {
    if (range.is_single())
      singles_.insert(range.begin());
    else if (range.kind() == KeyRange::Kind::kHalfOpen && !range.empty())
      add_half_open(range.begin(), range.end());
  }

  void merge(DeletedKeys&& other) {
    if (other.singles_.size() > singles_.size()) singles_.swap(other.singles_);
    singles_.merge(other.singles_);
    if (other.ranges_.size() > ranges_.size()) ranges_.swap(other.ranges_);
    for (const auto& [begin, end] : other.ranges_) add_half_open(begin, end);
  }

  bool contains(std::string_view key) const {
    if (singles_.contains(key)) return true;
    const auto after = ranges_.upper_bound(key);
    return after != ranges_.begin() && key < std::prev(after)->second;
  }

 private:
  void add_half_open(std::string_view begin, std::string_view end) {
    auto at = ranges_.upper_bound(begin);
    if (at != ranges_.begin() && begin <= std::prev(at)->second) --at;
    while (at != ranges_.end() && at->first <= end) {
      begin = std::min(begin, at->first);
      end = std::max(end, at->second);
      at = ranges_.erase(at);
    }
    ranges_.emplace(begin, end);
  }

  std::set<std::string_view> singles_;
  std::map<std::string_view, std::string_view> ranges_;
};

struct TouchedKeys {
  std::set<std::string_view> puts;
  DeletedKeys deletes;
};

// Walks one branch in etcd's order, which decides what counts as a duplicate (mvcc rule 6).
class BranchWalk {
 public:
  static Result<TouchedKeys> walk(const std::vector<RequestOp>& branch) {
    BranchWalk state;
    for (const RequestOp& operation : branch)
      if (const auto* erase = std::get_if<DeleteRangeRequest>(&operation.one_of))
        state.touched_.deletes.add(KeyRange::of(erase->key, erase->range_end));
    for (const RequestOp& operation : branch)
      if (const auto* nested = std::get_if<TxnRequest>(&operation.one_of)) TRY(state.add_nested(*nested));
    for (const RequestOp& operation : branch)
      if (const auto* put = std::get_if<PutRequest>(&operation.one_of)) TRY(state.add_put(put->key));
    return std::move(state.touched_);
  }

 private:
  Status add_put(std::string_view key) {
    if (touched_.deletes.contains(key) || !touched_.puts.insert(key).second)
      return api_error(ApiError::kDuplicateKey);
    return {};
  }

  Status add_nested(const TxnRequest& nested) {
    TRY_ASSIGN(TouchedKeys then, walk(nested.success));
    TRY_ASSIGN(TouchedKeys otherwise, walk(nested.failure));
    for (const std::string_view key : then.puts) TRY(add_put(key));
    for (const std::string_view key : otherwise.puts) {
      // Only one of the two branches runs, so both may put the same key.
      if (then.puts.contains(key)) continue;
      TRY(add_put(key));
    }
    touched_.deletes.merge(std::move(then.deletes));
    touched_.deletes.merge(std::move(otherwise.deletes));
    return {};
  }

  TouchedKeys touched_;
};

}  // namespace

Status check_put(const PutRequest& request) {
  if (request.key.empty()) return api_error(ApiError::kKeyNotProvided);
  if (request.ignore_value && !request.value.empty()) return api_error(ApiError::kValueProvided);
  if (request.ignore_lease && (request.lease != kNoLease || request.ttl_ms != 0))
    return api_error(ApiError::kLeaseProvided);
  return {};
}

Status check_range(const RangeRequest& request) {
  if (request.key.empty()) return api_error(ApiError::kKeyNotProvided);
  if (request.sort_order > SortOrder::kDescend || request.sort_target > SortTarget::kValue)
    return api_error(ApiError::kInvalidSortOption);
  return {};
}

Status check_delete_range(const DeleteRangeRequest& request) {
  if (request.key.empty()) return api_error(ApiError::kKeyNotProvided);
  return {};
}

Status check_txn(const TxnRequest& request, uint32_t operations_max) {
  TRY(check_operations(request, operations_max));
  TRY_ASSIGN(const TouchedKeys then, BranchWalk::walk(request.success));
  TRY_ASSIGN(const TouchedKeys otherwise, BranchWalk::walk(request.failure));
  return {};
}

Status check_size(uint64_t encoded_bytes, const RequestLimits& limits) {
  if (encoded_bytes > limits.request_bytes_max) return api_error(ApiError::kRequestTooLarge);
  return {};
}

Result<int64_t> lease_ttl_to_grant_ms(int64_t asked_ms, int64_t minimum_ms) {
  if (asked_ms > kLeaseTtlMaxMs) return api_error(ApiError::kLeaseTtlTooLarge);
  return std::max(asked_ms, minimum_ms);
}

}  // namespace revd

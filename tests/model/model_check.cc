#include "tests/model/model_check.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "mvcc/command/errors.h"

namespace revd {
namespace {

const std::string kFromKey(1, '\0');

using Branch = std::vector<RequestOp>;
struct Touched {
  std::vector<std::string> puts;
  std::vector<std::pair<std::string, std::string>> deletes;

  bool puts_key(const std::string& key) const { return std::ranges::find(puts, key) != puts.end(); }
  bool deletes_key(const std::string& key) const {
    return std::ranges::any_of(deletes, [&](const auto& d) {
      return d.second != kFromKey && model_in_range(d.first, d.second, key);
    });
  }
};

// False if the branch has a duplicate key (rule 6).
bool walk(const Branch& branch, Touched& touched) {
  for (const RequestOp& op : branch)
    if (const auto* d = std::get_if<DeleteRangeRequest>(&op.one_of))
      touched.deletes.push_back({d->key, d->range_end});
  for (const RequestOp& op : branch) {
    const auto* nested = std::get_if<TxnRequest>(&op.one_of);
    if (nested == nullptr) continue;
    Touched then;
    Touched otherwise;
    if (!walk(nested->success, then) || !walk(nested->failure, otherwise)) return false;
    const Touched before = touched;
    for (const Touched* one : {&then, &otherwise}) {
      for (const std::string& key : one->puts) {
        if (before.puts_key(key) || before.deletes_key(key)) return false;
        touched.puts.push_back(key);
      }
    }
    for (const Touched* one : {&then, &otherwise})
      touched.deletes.insert(touched.deletes.end(), one->deletes.begin(), one->deletes.end());
  }
  for (const RequestOp& op : branch) {
    const auto* put = std::get_if<PutRequest>(&op.one_of);
    if (put == nullptr) continue;
    if (touched.puts_key(put->key) || touched.deletes_key(put->key)) return false;
    touched.puts.push_back(put->key);
  }
  return true;
}

Status check_each(const TxnRequest& request, size_t operations_max) {
  const size_t longest = std::max({request.compare.size(), request.success.size(), request.failure.size()});
  if (longest > operations_max) return api_error(ApiError::kTooManyOperations);
  for (const Compare& compare : request.compare)
    if (compare.key.empty()) return api_error(ApiError::kKeyNotProvided);
  for (const Branch* branch : {&request.success, &request.failure}) {
    for (const RequestOp& op : *branch) {
      if (const auto* put = std::get_if<PutRequest>(&op.one_of)) TRY(model_check_put(*put));
      if (const auto* range = std::get_if<RangeRequest>(&op.one_of)) TRY(model_check_range(*range));
      if (const auto* erase = std::get_if<DeleteRangeRequest>(&op.one_of)) TRY(model_check_delete(*erase));
      if (const auto* txn = std::get_if<TxnRequest>(&op.one_of))
        TRY(check_each(*txn, operations_max - longest));
      if (op.one_of.index() == 0) return api_error(ApiError::kKeyNotFound);
    }
  }
  return {};
}

}  // namespace

bool model_in_range(const std::string& key, const std::string& range_end, const std::string& candidate) {
  if (range_end.empty()) return candidate == key;
  if (range_end == kFromKey) return candidate >= key;
  return candidate >= key && candidate < range_end;
}

Status model_check_put(const PutRequest& request) {
  if (request.key.empty()) return api_error(ApiError::kKeyNotProvided);
  if (request.ignore_value && !request.value.empty()) return api_error(ApiError::kValueProvided);
  if (request.ignore_lease && request.lease != kNoLease) return api_error(ApiError::kLeaseProvided);
  if (request.ignore_lease && request.ttl_ms != 0) return api_error(ApiError::kLeaseProvided);
  return {};
}

Status model_check_range(const RangeRequest& request) {
  if (request.key.empty()) return api_error(ApiError::kKeyNotProvided);
  if (std::to_underlying(request.sort_order) > 2 || std::to_underlying(request.sort_target) > 4)
    return api_error(ApiError::kInvalidSortOption);
  return {};
}

Status model_check_delete(const DeleteRangeRequest& request) {
  if (request.key.empty()) return api_error(ApiError::kKeyNotProvided);
  return {};
}

Status model_check_txn(const TxnRequest& request, size_t operations_max) {
  TRY(check_each(request, operations_max));
  for (const Branch* branch : {&request.success, &request.failure}) {
    Touched touched;
    if (!walk(*branch, touched)) return api_error(ApiError::kDuplicateKey);
  }
  return {};
}

}  // namespace revd

#include <algorithm>
#include <compare>
#include <set>
#include <utility>
#include <vector>

#include "mvcc/command/errors.h"
#include "tests/model/model_check.h"
#include "tests/model/model_store.h"

namespace revd {
namespace {

bool satisfies(const Compare& compare, const KeyValue& kv) {
  std::strong_ordering order = std::strong_ordering::equal;
  switch (compare.target) {
    case CompareTarget::kVersion: order = kv.version <=> compare.number; break;
    case CompareTarget::kCreate: order = kv.create_revision <=> compare.number; break;
    case CompareTarget::kMod: order = kv.mod_revision <=> compare.number; break;
    case CompareTarget::kValue: order = kv.value <=> compare.value; break;
    case CompareTarget::kLease: order = kv.lease.value() <=> compare.number; break;
  }
  switch (compare.result) {
    case CompareResult::kEqual: return order == 0;
    case CompareResult::kGreater: return order > 0;
    case CompareResult::kLess: return order < 0;
    case CompareResult::kNotEqual: return order != 0;
  }
  return false;
}

const std::vector<RequestOp>& taken(const TxnRequest& request, bool succeeded) {
  return succeeded ? request.success : request.failure;
}

// All ttls of a request, in both branches: too large ones are refused before anything else is looked at.
Status check_ttls(const TxnRequest& request) {
  for (const auto* branch : {&request.success, &request.failure}) {
    for (const RequestOp& op : *branch) {
      const auto* put = std::get_if<PutRequest>(&op.one_of);
      if (put != nullptr && put->ttl_ms > 9'000'000'000'000) return api_error(ApiError::kLeaseTtlTooLarge);
      if (const auto* nested = std::get_if<TxnRequest>(&op.one_of)) TRY(check_ttls(*nested));
    }
  }
  return {};
}

}  // namespace

// Rule 5.
bool ModelStore::holds(const Compare& compare) const {
  const std::vector<KeyValue> found = states(compare.key, compare.range_end, current_);
  if (found.empty()) return compare.target != CompareTarget::kValue && satisfies(compare, KeyValue{});
  return std::ranges::all_of(found, [&](const KeyValue& kv) { return satisfies(compare, kv); });
}

void ModelStore::choose(const TxnRequest& request, std::vector<bool>& path) const {
  const bool succeeded =
      std::ranges::all_of(request.compare, [&](const Compare& compare) { return holds(compare); });
  path.push_back(succeeded);
  for (const RequestOp& op : taken(request, succeeded))
    if (const auto* nested = std::get_if<TxnRequest>(&op.one_of)) choose(*nested, path);
}

Status ModelStore::check_puts(const TxnRequest& request, const std::vector<bool>& path, size_t& at,
                              std::set<LeaseId>& granted) const {
  for (const RequestOp& op : taken(request, path[at++])) {
    if (const auto* put = std::get_if<PutRequest>(&op.one_of)) TRY(check_put_now(*put, granted));
    if (const auto* nested = std::get_if<TxnRequest>(&op.one_of)) TRY(check_puts(*nested, path, at, granted));
  }
  return {};
}

Status ModelStore::check_ranges(const TxnRequest& request, const std::vector<bool>& path, size_t& at) const {
  for (const RequestOp& op : taken(request, path[at++])) {
    if (const auto* range = std::get_if<RangeRequest>(&op.one_of)) {
      TRY(check_readable(range->revision));
      // Outside transactions a negative revision means the current one; here etcd compares it.
      if (range->revision < 0 && range->revision < compacted_) return compacted_error(compacted_);
    }
    if (const auto* nested = std::get_if<TxnRequest>(&op.one_of)) TRY(check_ranges(*nested, path, at));
  }
  return {};
}

Result<TxnResponse> ModelStore::run(const TxnRequest& request, const std::vector<bool>& path, size_t& at) {
  TxnResponse response{.succeeded = path[at++], .responses = {}};
  for (const RequestOp& op : taken(request, response.succeeded)) {
    ResponseOp& answer = response.responses.emplace_back();
    if (const auto* put = std::get_if<PutRequest>(&op.one_of)) {
      TRY_ASSIGN(answer.one_of, write_put(*put));
    } else if (const auto* range = std::get_if<RangeRequest>(&op.one_of)) {
      RangeResponse found = range_at(*range, writing());
      found.revision = 0;
      answer.one_of = std::move(found);
    } else if (const auto* erase = std::get_if<DeleteRangeRequest>(&op.one_of)) {
      answer.one_of = write_delete(*erase);
    } else if (const auto* nested = std::get_if<TxnRequest>(&op.one_of)) {
      TRY_ASSIGN(answer.one_of, run(*nested, path, at));
    }
  }
  return response;
}

// Rules 4 and 7: compares, then checks, on the state before; then the operations, all or none.
Result<TxnResponse> ModelStore::txn(const TxnRequest& request) {
  TRY(model_check_txn(request, options_.txn_operations_max));
  TRY(check_ttls(request));
  std::vector<bool> path;
  choose(request, path);
  std::set<LeaseId> granted;
  size_t at = 0;
  TRY(check_puts(request, path, at, granted));
  at = 0;
  TRY(check_ranges(request, path, at));
  at = 0;
  Result<TxnResponse> response = run(request, path, at);
  if (!response.ok()) {
    roll_back();
    return response;
  }
  commit();
  response->revision = current_;
  return response;
}

}  // namespace revd

#include "mvcc/txn_apply.h"

#include <algorithm>
#include <set>

#include "mvcc/command/errors.h"

namespace revd {
namespace {

bool holds(CompareResult result, int order) {
  switch (result) {
    case CompareResult::kEqual: return order == 0;
    case CompareResult::kGreater: return order > 0;
    case CompareResult::kLess: return order < 0;
    case CompareResult::kNotEqual: return order != 0;
  }
  return false;
}

int order_of(int64_t a, int64_t b) { return a < b ? -1 : (a > b ? 1 : 0); }

// What a compare of numbers looks at; `entry` null: a missing key, all zeros.
int64_t number_of(const Compare& compare, const KeyEntry* entry) {
  if (entry == nullptr) return 0;
  switch (compare.target) {
    case CompareTarget::kVersion: return entry->version;
    case CompareTarget::kCreate: return entry->create;
    case CompareTarget::kMod: return entry->at.main;
    case CompareTarget::kLease: return entry->lease.value();
    case CompareTarget::kValue: break;
  }
  return 0;
}

// A VALUE compare fails on a missing key, whatever it asks (rule 5).
bool holds_on_nothing(const Compare& compare) {
  return compare.target != CompareTarget::kValue && holds(compare.result, order_of(0, compare.number));
}

}  // namespace

PutView view_of(const PutRequest& put) {
  return {.key = put.key,
          .value = put.value,
          .lease = put.lease,
          .prev_kv = put.prev_kv,
          .ignore_value = put.ignore_value,
          .ignore_lease = put.ignore_lease,
          .ttl_ms = put.ttl_ms};
}

TxnApply::TxnApply(ChangeWriter& writer, const TxnRequest& txn, TxnResponse& response)
    : writer_(writer), core_(writer.core()), root_(txn), root_response_(response) {
  pending_.push_back({&txn, &response});
}

Result<Step> TxnApply::step(StepBudget& budget) {
  for (;;) {
    switch (phase_) {
      case Phase::kCompare: {
        TRY_ASSIGN(const Step step, compare(budget));
        if (step != Step::kDone) return step;
        plan(root_, root_response_);
        phase_ = Phase::kCheckPuts;
        break;
      }
      case Phase::kCheckPuts:
        for (; at_ < plan_.size() && !refused_; ++at_)
          if (const auto* put = std::get_if<PutRequest>(&plan_[at_].operation->one_of)) TRY(check_put(*put));
        at_ = 0;
        phase_ = Phase::kCheckRanges;
        break;
      case Phase::kCheckRanges:
        for (const Planned& planned : plan_)
          if (const auto* range = std::get_if<RangeRequest>(&planned.operation->one_of))
            TRY(check_range(*range));
        if (!refused_) check_deleted_keys();
        phase_ = refused_ ? Phase::kDone : Phase::kExecute;
        break;
      case Phase::kExecute: {
        TRY_ASSIGN(const Step step, execute(budget));
        if (step != Step::kDone) return step;
        phase_ = Phase::kDone;
        break;
      }
      case Phase::kDone: return Step::kDone;
    }
  }
}

// ---- Compares. ----

Result<Step> TxnApply::compare(StepBudget& budget) {
  while (!pending_.empty()) {
    const TxnRequest& txn = *pending_.back().txn;
    while (holds_ && at_ < txn.compare.size()) {
      TRY_ASSIGN(const std::optional<Step> paused, compare_one(txn.compare[at_], budget));
      if (paused) return *paused;
      started_ = matched_ = false;
      ++at_;
    }
    take_branch();
  }
  return Step::kDone;
}

// Clears holds_ when the compare fails. A value: stopped in the middle of a range.
Result<std::optional<Step>> TxnApply::compare_one(const Compare& compare, StepBudget& budget) {
  const KeyRange range = KeyRange::of(compare.key, compare.range_end);
  if (range.is_single()) {
    const Result<bool> found = core_.keys.find(view(), compare.key, entry_, false);
    missing_ = view().missing();
    if (!found.ok()) return found.error();
    if (!*found || entry_.tombstone) {
      holds_ = holds_on_nothing(compare);
      return std::optional<Step>();
    }
    TRY_ASSIGN(holds_, compare_key(compare, entry_));
    return std::optional<Step>();
  }
  if (!started_) position_ = range.begin();
  started_ = true;
  while (holds_) {
    bool yielded = false;
    TRY_ASSIGN(const bool found, next_live_key(range, budget, yielded));
    if (yielded) return std::optional<Step>(Step::kYield);
    if (!found) break;
    TRY_ASSIGN(holds_, compare_key(compare, entry_));
    matched_ = true;
    position_.push_back('\0');
  }
  if (!matched_) holds_ = holds_on_nothing(compare);
  return std::optional<Step>();
}

Result<bool> TxnApply::compare_key(const Compare& compare, const KeyEntry& entry) {
  if (compare.target != CompareTarget::kValue)
    return holds(compare.result, order_of(number_of(compare, &entry), compare.number));
  const Status loaded = core_.revisions.load(view(), entry.at, record_);
  missing_ = view().missing();
  TRY(loaded);
  return holds(compare.result, record_.record().value.compare(compare.value));
}

// Moves position_ to the first live key at or after it; entry_ is that key's. False: none in the range.
Result<bool> TxnApply::next_live_key(const KeyRange& range, StepBudget& budget, bool& yielded) {
  if (range.empty()) return false;
  TRY_ASSIGN(Cursor cursor, view().cursor(core_.keys.tree()));
  Status moved = cursor.seek(position_);
  while (moved.ok() && cursor.valid() && range.ends_after(cursor.key())) {
    Result<std::string_view> value = cursor.value();
    if (!value.ok()) {
      moved = std::move(value).error();
      break;
    }
    TRY(decode_key_entry(*value, entry_, false));
    position_ = cursor.key();
    if (!entry_.tombstone) return true;
    if (budget.spent()) {
      yielded = true;
      return false;
    }
    moved = cursor.next();
  }
  missing_ = cursor.missing();
  TRY(std::move(moved));
  return false;
}

// The transaction on the stack's top is decided: its branch's transactions are next, first one on top.
void TxnApply::take_branch() {
  const Pending top = pending_.back();
  pending_.pop_back();
  top.response->succeeded = holds_;
  const std::vector<RequestOp>& branch = holds_ ? top.txn->success : top.txn->failure;
  top.response->responses.resize(branch.size());
  for (size_t i = branch.size(); i-- > 0;) {
    if (const auto* nested = std::get_if<TxnRequest>(&branch[i].one_of))
      pending_.push_back({nested, &top.response->responses[i].one_of.emplace<TxnResponse>()});
  }
  at_ = 0;
  holds_ = true;
}

void TxnApply::plan(const TxnRequest& txn, TxnResponse& response) {
  const std::vector<RequestOp>& branch = response.succeeded ? txn.success : txn.failure;
  for (size_t i = 0; i < branch.size(); ++i) {
    if (const auto* nested = std::get_if<TxnRequest>(&branch[i].one_of))
      plan(*nested, std::get<TxnResponse>(response.responses[i].one_of));
    else
      plan_.push_back({&branch[i], &response.responses[i]});
  }
}

// ---- Checks. ----

Status TxnApply::check_put(const PutRequest& put) {
  if (put.ttl_ms != 0 && put.lease == kNoLease) {
    refused_ = api_error(ApiError::kLeaseNotFound);
    return {};
  }
  if (put.lease != kNoLease) {
    const auto lease = core_.leases.find(view(), put.lease);
    missing_ = view().missing();
    if (!lease.ok()) return lease.error();
    if (put.ttl_ms == 0 && !lease->has_value()) {
      refused_ = api_error(ApiError::kLeaseNotFound);
      return {};
    }
    if (put.ttl_ms != 0) {
      if (lease->has_value() || std::ranges::count(granted_, put.lease) > 0) {
        refused_ = api_error(ApiError::kLeaseExists);
        return {};
      }
      granted_.push_back(put.lease);
    }
  }
  if (!put.ignore_value && !put.ignore_lease) return {};
  const Result<bool> found = core_.keys.find(view(), put.key, entry_, false);
  missing_ = view().missing();
  if (!found.ok()) {
    if (put.ttl_ms != 0) granted_.pop_back();  // this check will be repeated
    return found.error();
  }
  if (!*found || entry_.tombstone) refused_ = api_error(ApiError::kKeyNotFound);
  return {};
}

Status TxnApply::check_range(const RangeRequest& range) {
  if (refused_ || range.revision == 0) return {};
  if (range.revision > core_.working.revision)
    refused_ = api_error(ApiError::kFutureRevision);
  else if (range.revision < core_.working.floor)
    refused_ = compacted_error(core_.working.floor);
  return {};
}

// An ignore_... put of a key that the transaction itself deletes before finds nothing to keep.
void TxnApply::check_deleted_keys() {
  std::vector<KeyRange> deleted;
  std::set<std::string_view> put_since;
  for (const Planned& planned : plan_) {
    if (const auto* erase = std::get_if<DeleteRangeRequest>(&planned.operation->one_of)) {
      deleted.push_back(KeyRange::of(erase->key, erase->range_end));
      std::erase_if(put_since, [&](std::string_view key) { return deleted.back().contains(key); });
    } else if (const auto* put = std::get_if<PutRequest>(&planned.operation->one_of)) {
      const bool gone = !put_since.contains(put->key) &&
                        std::ranges::any_of(deleted, [&](const KeyRange& r) { return r.contains(put->key); });
      if (gone && (put->ignore_value || put->ignore_lease)) {
        refused_ = api_error(ApiError::kKeyNotFound);
        return;
      }
      put_since.insert(put->key);
    }
  }
}

// ---- Operations. ----

Result<Step> TxnApply::execute(StepBudget& budget) {
  for (; at_ < plan_.size(); ++at_) {
    const auto& operation = plan_[at_].operation->one_of;
    ResponseOp& response = *plan_[at_].response;
    Step step = Step::kDone;
    if (const auto* put = std::get_if<PutRequest>(&operation)) {
      TRY_ASSIGN(step, run_put(*put, response));
    } else if (const auto* range = std::get_if<RangeRequest>(&operation)) {
      TRY_ASSIGN(step, run_range(*range, response, budget));
    } else if (const auto* erase = std::get_if<DeleteRangeRequest>(&operation)) {
      TRY_ASSIGN(step, run_erase(*erase, response, budget));
    }
    if (step != Step::kDone) return step;
  }
  return Step::kDone;
}

Result<Step> TxnApply::run_put(const PutRequest& put, ResponseOp& response) {
  const Status done = writer_.put(view_of(put), response.one_of.emplace<PutResponse>());
  missing_ = view().missing();
  TRY(done);
  return Step::kDone;
}

Result<Step> TxnApply::run_range(const RangeRequest& range, ResponseOp& response, StepBudget& budget) {
  if (!scan_) {
    response.one_of.emplace<RangeResponse>();
    scan_.emplace(core_.keys, core_.revisions, range, range.revision > 0 ? range.revision : kLatest);
  }
  auto step =
      scan_->step(view(), core_.working.floor, budget, UINT64_MAX, std::get<RangeResponse>(response.one_of));
  missing_ = scan_->missing();
  if (step.ok() && *step == Step::kDone) scan_.reset();
  return step;
}

Result<Step> TxnApply::run_erase(const DeleteRangeRequest& erase, ResponseOp& response, StepBudget& budget) {
  if (!started_) {
    response.one_of.emplace<DeleteRangeResponse>();
    position_ = erase.key;
    started_ = true;
  }
  auto& answer = std::get<DeleteRangeResponse>(response.one_of);
  const KeyRange range = KeyRange::of(erase.key, erase.range_end);
  for (;;) {
    if (!range.is_single()) {
      bool yielded = budget.spent();
      if (yielded) return Step::kYield;
      TRY_ASSIGN(const bool found, next_live_key(range, budget, yielded));
      if (yielded) return Step::kYield;
      if (!found) break;
    }
    std::optional<KeyValue> prev;
    const Result<bool> gone = writer_.erase(position_, erase.prev_kv ? &prev : nullptr);
    missing_ = view().missing();
    if (!gone.ok()) return gone.error();
    answer.deleted += *gone ? 1 : 0;
    if (prev) answer.prev_kvs.push_back(std::move(*prev));
    if (range.is_single()) break;
    position_.push_back('\0');
  }
  started_ = false;
  return Step::kDone;
}

}  // namespace revd

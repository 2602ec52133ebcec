#include "mvcc/range_scan.h"

#include <algorithm>

namespace revd {
namespace {

bool has_filters(const RangeRequest& request) {
  return request.min_mod_revision != 0 || request.max_mod_revision != 0 || request.min_create_revision != 0 ||
         request.max_create_revision != 0;
}

bool is_sorted(const RangeRequest& request) {
  return request.sort_target != SortTarget::kKey || request.sort_order == SortOrder::kDescend;
}

// A sort target without an order sorts what the limit let through (rule 12).
int64_t candidates_max(const RangeRequest& request, int64_t limit) {
  const bool whole = request.sort_order != SortOrder::kNone || has_filters(request) || limit == INT64_MAX;
  return whole ? INT64_MAX : limit + 1;
}

}  // namespace

RangeScan::RangeScan(KeyIndex& keys, RevisionLog& revisions, const RangeRequest& request, int64_t revision)
    : keys_(keys),
      revisions_(revisions),
      request_(request),
      range_(KeyRange::of(request.key, request.range_end)),
      revision_(revision),
      filtered_(has_filters(request)),
      sorted_(is_sorted(request)),
      limit_(request.limit > 0 ? request.limit : INT64_MAX),
      candidates_max_(candidates_max(request, limit_)) {
  if (!range_.is_single()) position_ = range_.begin();
}

Result<Step> RangeScan::step(ReadView view, int64_t floor, StepBudget& budget, uint64_t page_bytes,
                             RangeResponse& response) {
  page_bytes_ = page_bytes;
  page_used_ = 0;
  if (!scanned_) {
    TRY_ASSIGN(const Step step, scan(view, floor, budget, response));
    if (step != Step::kDone) return step;
    scanned_ = true;
  }
  TRY_ASSIGN(const Step step, emit_sorted(view, budget, response));
  if (step != Step::kDone) return step;
  response.count = count_;
  response.more = !request_.count_only && passed_ > limit_;
  return Step::kDone;
}

Result<Step> RangeScan::scan(ReadView view, int64_t floor, StepBudget& budget, RangeResponse& response) {
  const bool past = revision_ != kLatest;
  if (range_.is_single()) {
    const Result<bool> found = keys_.find(view, range_.begin(), entry_, past);
    missing_ = view.missing();
    TRY(found.ok() ? Status() : Status(found.error()));
    if (*found) TRY(visit(view, floor, range_.begin(), response));
    return Step::kDone;
  }
  if (range_.empty()) return Step::kDone;
  TRY_ASSIGN(Cursor cursor, view.cursor(keys_.tree()));
  Status moved = cursor.seek(position_);
  while (moved.ok() && cursor.valid() && range_.ends_after(cursor.key())) {
    const std::string_view key = cursor.key();
    const Result<std::string_view> value = cursor.value();
    if (!value.ok()) {
      position_ = key;
      missing_ = cursor.missing();
      return value.error();
    }
    TRY(decode_key_entry(*value, entry_, past));
    if (budget.spent() || page_full()) {
      position_ = key;
      return Step::kYield;
    }
    if (Status visited = visit(view, floor, key, response); !visited.ok()) {
      position_ = key;
      return std::move(visited).error();
    }
    moved = cursor.next();
    if (!moved.ok() && would_block(moved.error())) position_.assign(cursor.key()).push_back('\0');
  }
  missing_ = cursor.missing();
  TRY(std::move(moved));
  return Step::kDone;
}

Status RangeScan::visit(ReadView view, int64_t floor, std::string_view key, RangeResponse& response) {
  KeyState state;
  const Result<bool> present = revisions_.find_at(view, entry_, revision_, floor, state, record_);
  missing_ = view.missing();
  if (!present.ok()) return present.error();
  const bool match = *present && !request_.count_only && (!filtered_ || passes_filters(state));
  if (match && sorted_) {
    if (passed_ < candidates_max_) TRY(add_candidate(view, key, state));
  } else if (match && passed_ < limit_) {
    TRY(append(view, key, state, response));
  }
  // Nothing fails from here on, so a repeated visit counts once.
  ++visited_;
  if (*present) ++count_;
  if (match) ++passed_;
  return {};
}

bool RangeScan::passes_filters(const KeyState& state) const {
  const RangeRequest& r = request_;
  return (r.min_mod_revision == 0 || state.at.main >= r.min_mod_revision) &&
         (r.max_mod_revision == 0 || state.at.main <= r.max_mod_revision) &&
         (r.min_create_revision == 0 || state.create >= r.min_create_revision) &&
         (r.max_create_revision == 0 || state.create <= r.max_create_revision);
}

Status RangeScan::append(ReadView view, std::string_view key, const KeyState& state,
                         RangeResponse& response) {
  KeyValue kv;
  kv.create_revision = state.create;
  kv.mod_revision = state.at.main;
  kv.version = state.version;
  kv.lease = state.lease;
  if (!request_.keys_only) {
    const Status loaded = revisions_.load(view, state.at, record_);
    missing_ = view.missing();
    TRY(loaded);
    kv.value = record_.record().value;
  }
  kv.key = key;
  page_used_ += kv.key.size() + kv.value.size() + sizeof(KeyValue);
  response.kvs.push_back(std::move(kv));
  ++emitted_;
  return {};
}

Status RangeScan::add_candidate(ReadView view, std::string_view key, const KeyState& state) {
  Candidate candidate{std::string(key), {}, 0, state};
  switch (request_.sort_target) {
    case SortTarget::kKey: break;
    case SortTarget::kVersion: candidate.number = state.version; break;
    case SortTarget::kCreate: candidate.number = state.create; break;
    case SortTarget::kMod: candidate.number = state.at.main; break;
    case SortTarget::kValue: {
      const Status loaded = revisions_.load(view, state.at, record_);
      missing_ = view.missing();
      TRY(loaded);
      candidate.text = record_.record().value;
      break;
    }
  }
  // A heap, so that no step has to sort everything at once.
  heap_.push_back(std::move(candidate));
  std::push_heap(heap_.begin(), heap_.end(),
                 [this](const Candidate& a, const Candidate& b) { return comes_later(a, b); });
  return {};
}

bool RangeScan::comes_later(const Candidate& a, const Candidate& b) const {
  const bool descending = request_.sort_order == SortOrder::kDescend;
  const Candidate& x = descending ? b : a;
  const Candidate& y = descending ? a : b;
  if (x.number != y.number) return x.number > y.number;
  if (const int order = x.text.compare(y.text); order != 0) return order > 0;
  return x.key > y.key;
}

Result<Step> RangeScan::emit_sorted(ReadView view, StepBudget& budget, RangeResponse& response) {
  while (!heap_.empty() && emitted_ < limit_) {
    if (budget.spent() || page_full()) return Step::kYield;
    TRY(append(view, heap_.front().key, heap_.front().state, response));
    std::pop_heap(heap_.begin(), heap_.end(),
                  [this](const Candidate& a, const Candidate& b) { return comes_later(a, b); });
    heap_.pop_back();
  }
  return Step::kDone;
}

}  // namespace revd

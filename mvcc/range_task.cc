#include "mvcc/range_task.h"

#include "base/mutant.h"
#include "mvcc/command/errors.h"
#include "mvcc/store.h"

namespace revd {
namespace {

uint64_t bytes_of(const RangeResponse& page) {
  uint64_t bytes = 0;
  for (const KeyValue& kv : page.kvs) bytes += kv.key.size() + kv.value.size() + sizeof(KeyValue);
  return bytes;
}

}  // namespace

RangeTask::RangeTask(MvccStore& store, RangeRequest request, const RangeTaskOptions& options)
    : core_(store.core()), request_(std::move(request)), options_(options) {}

RangeTask::~RangeTask() {
  if (hold_) core_.holds.remove(*hold_);
}

Status RangeTask::start() {
  const StoreState& state = core_.published;
  header_revision_ = state.revision;
  revision_ = request_.revision > 0 ? request_.revision : state.revision;
  if (revision_ > state.revision) return api_error(ApiError::kFutureRevision);
  if (revision_ < state.floor) return compacted_error(state.floor);
  scan_.emplace(core_.keys, core_.revisions, request_, revision_);
  return {};
}

Status RangeTask::check_revision() const {
  if (revision_ >= core_.published.floor || MUTANT(RangePastFloor)) return {};
  return compacted_error(core_.published.floor);
}

Result<Step> RangeTask::step(StepBudget& budget) {
  if (!scan_) TRY(start());
  TRY(check_revision());
  page_full_ = false;
  page_.revision = header_revision_;
  const uint64_t used = page_.kvs.empty() || options_.page_bytes == UINT64_MAX ? 0 : bytes_of(page_);
  const uint64_t room = options_.page_bytes > used ? options_.page_bytes - used : 1;
  if (!snapshot_) {
    snapshot_.emplace(core_.backend.snapshot());
    snapshot_taken_ = core_.env.clock.now();
    snapshot_keys_ = scan_->visited();
  }
  auto step = scan_->step(ReadView(*snapshot_, options_.mode), core_.published.floor, budget, room, page_);
  if (!step.ok() && would_block(step.error())) {
    missing_ = scan_->missing();
    step = Step::kBlocked;
  }
  if (step.ok() && *step != Step::kDone) {
    if (!hold_) hold_ = core_.holds.add(revision_, core_.env.clock.now());
    page_full_ = bytes_of(page_) >= options_.page_bytes;
    if (scan_->visited() - snapshot_keys_ >= kKeysPerSnapshot ||
        core_.env.clock.now() - snapshot_taken_ >= kTimePerSnapshot) {
      snapshot_.reset();
    }
  } else {
    snapshot_.reset();
  }
  return step;
}

RangeResponse RangeTask::take_page() {
  RangeResponse taken = std::move(page_);
  page_ = RangeResponse();
  page_.revision = header_revision_;
  page_full_ = false;
  return taken;
}

}  // namespace revd

#include "server/services/read_jobs.h"

#include <algorithm>
#include <utility>

namespace revd {

bool ReplyJob::has_credit() {
  if (reply_->credit_bytes() > 0) return true;
  reply_->when_credit(runner_.resume(id_));
  reply_->when_gone(runner_.resume(id_));
  return false;
}

Job::State RangeJob::step(StepBudget& budget) {
  if (!begun_ && !has_credit()) return State::kWaiting;
  begun_ = true;
  const auto step = task_.step(budget);
  if (!step.ok()) return failed(step.error());
  if (*step != Step::kDone) return state_of(*step);
  finish(node_, *reply_, task_.take_page());
  return State::kDone;
}

RangePagesJob::RangePagesJob(Node& node, JobRunner& runner, std::unique_ptr<Reply> reply,
                             RangePagesRequest request)
    : ReplyJob(node, runner, std::move(reply)),
      task_(node.store(), std::move(request.range),
            {.page_bytes = request.page_bytes_max == 0 ? kPageBytes
                                                       : std::min(request.page_bytes_max, kPageBytesMax)}) {}

// A full page is sent before the next is read, so only one is ever in memory.
Job::State RangePagesJob::step(StepBudget& budget) {
  if (!has_credit()) return State::kWaiting;
  const auto step = task_.step(budget);
  if (!step.ok()) return failed(step.error());
  if (*step == Step::kDone) {
    finish(node_, *reply_, task_.take_page());
    return State::kDone;
  }
  if (task_.page_full()) send(node_, *reply_, task_.take_page());
  return state_of(*step);
}

Job::State HashJob::step(StepBudget& budget) {
  const auto step = task_.step(budget);
  if (!step.ok()) return failed(step.error());
  if (*step != Step::kDone) return state_of(*step);
  HashResponse response;
  response.revision = node_.store().current_revision();
  response.hash_revision = task_.result().revision;
  response.compact_revision = task_.result().compact_revision;
  response.hash = task_.result().hash;
  finish(node_, *reply_, std::move(response));
  return State::kDone;
}

Job::State SnapshotJob::step(StepBudget&) {
  if (!has_credit()) return State::kWaiting;
  if (!source_) {
    revision_ = node_.store().current_revision();
    source_.emplace(node_.env(), node_.backend(), ReadMode::kNonBlocking);
  }
  SnapshotChunk chunk;
  const auto more = source_->next(chunk.data);
  if (!more.ok() && would_block(more.error())) return State::kBlocked;
  if (!more.ok()) return failed(more.error());
  chunk.revision = revision_;
  chunk.offset = offset_;
  if (!*more) {
    chunk.data.clear();
    chunk.total_bytes = offset_;
    chunk.hash = hash_.digest();
    finish(node_, *reply_, std::move(chunk));
    return State::kDone;
  }
  hash_.update(as_bytes(chunk.data));
  offset_ += chunk.data.size();
  send(node_, *reply_, std::move(chunk));
  return State::kAgain;
}

}  // namespace revd

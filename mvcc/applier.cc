#include "mvcc/applier.h"

#include <algorithm>
#include <iterator>

#include "base/strings.h"

namespace revd {

Applier::Applier(Env& env, Backend& backend, MvccStore& store, std::function<void(const Error&)> on_failure)
    : env_(env),
      backend_(backend),
      store_(store),
      on_failure_(std::move(on_failure)),
      compaction_(store.core()),
      hold_timer_(env.executor) {
  wake();
}

Applier::~Applier() { *alive_ = false; }

void Applier::enqueue(const LogEntry& entry, Done done) {
  queue_.push_back({entry, std::move(done)});
  schedule();
}

void Applier::wake() {
  if (compaction_.pending()) schedule();
}

void Applier::schedule() {
  if (scheduled_ || loading_ || failure_) return;
  scheduled_ = true;
  env_.executor.post([this, alive = alive_] {
    if (!*alive) return;
    scheduled_ = false;
    run();
  });
}

void Applier::run() {
  if (failure_ || loading_) return;
  Status done;
  if (compaction_.ending() || (queue_.empty() && compaction_.pending()))
    done = compact();
  else
    done = apply_queued();
  if (!done.ok()) return fail(done.error());
  deliver();
  if (!queue_.empty() || compaction_.pending() || compaction_.ending()) schedule();
  if (compaction_.held() && !hold_timer_.running())
    hold_timer_.start(std::chrono::seconds(1), [this] { wake(); });
}

// As many entries as a slice of time allows, published together.
Status Applier::apply_queued() {
  StepBudget budget(env_.clock);
  bool more = true;
  while (more && !queue_.empty()) {
    if (!task_) task_ = std::make_unique<ApplyTask>(store_.core(), queue_.front().entry, ApplyMode::kSliced);
    TRY_ASSIGN(const Step step, task_->step(budget));
    switch (step) {
      case Step::kDone:
        take_outcome();
        more = !budget.spent();
        break;
      case Step::kYield: return {};
      case Step::kBlocked: load(task_->missing()); return {};
    }
  }
  return store_.core().publish();
}

Status Applier::compact() {
  StepBudget budget(env_.clock);
  TRY_ASSIGN(const Step step, compaction_.step(budget));
  if (step == Step::kBlocked) load(compaction_.missing());
  answer_physical();
  return {};
}

void Applier::take_outcome() {
  answers_.push_back({queue_.front().entry.index, std::move(queue_.front().done),
                      std::move(task_->outcome().result), task_->outcome().physical_revision});
  task_.reset();
  queue_.pop_front();
}

void Applier::load(const PageRequest& missing) {
  loading_ = true;
  backend_.load(missing, [this, alive = alive_](Status loaded) {
    if (!*alive) return;
    loading_ = false;
    if (!loaded.ok() && loaded.error().code() != ErrorCode::kResourceExhausted) return fail(loaded.error());
    schedule();
  });
}

// Tells what has been published. A callback may enqueue, or destroy this object.
void Applier::deliver() {
  const LogIndex published = store_.applied().index;
  std::vector<Answer> answers;
  const auto end = std::ranges::find_if(answers_, [&](const Answer& a) { return a.index > published; });
  std::move(answers_.begin(), end, std::back_inserter(answers));
  answers_.erase(answers_.begin(), end);
  const std::shared_ptr<bool> alive = alive_;
  for (Answer& answer : answers) {
    if (!answer.done) continue;
    if (answer.physical_revision && *answer.physical_revision > compaction_.done())
      physical_.emplace(*answer.physical_revision, std::move(answer));
    else
      answer.done(std::move(answer.result));
    if (!*alive) return;
  }
}

void Applier::answer_physical() {
  while (!physical_.empty() && physical_.begin()->first <= compaction_.done()) {
    answers_.insert(answers_.begin(), std::move(physical_.begin()->second));
    physical_.erase(physical_.begin());
  }
}

void Applier::fail(const Error& error) {
  failure_ = error;
  env_.logger.error("mvcc", "applying failed", {{"error", error.describe()}});
  if (on_failure_) on_failure_(error);
}

}  // namespace revd

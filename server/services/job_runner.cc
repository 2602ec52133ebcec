#include "server/services/job_runner.h"

#include <utility>

namespace revd {

JobRunner::Id JobRunner::add(std::unique_ptr<Job> job) {
  jobs_.emplace(++last_id_, Entry{std::move(job)});
  return last_id_;
}

void JobRunner::run(Id id) {
  const auto at = jobs_.find(id);
  if (at == jobs_.end() || at->second.busy) return;
  Job& job = *at->second.job;
  if (job.gone()) return drop(at);
  StepBudget budget(node_.env().clock);
  switch (job.step(budget)) {
    case Job::State::kDone: return drop(at);
    case Job::State::kWaiting: return;
    case Job::State::kAgain: at->second.busy = true; return post(id);
    case Job::State::kBlocked: at->second.busy = true; return load(id, job.missing());
  }
}

Task JobRunner::resume(Id id) {
  return [this, alive = alive_, id] {
    if (*alive) run(id);
  };
}

std::move_only_function<void(const Error&)> JobRunner::fail_task(Id id) {
  return [this, alive = alive_, id](const Error& error) {
    if (*alive) fail(id, error);
  };
}

void JobRunner::fail(Id id, const Error& error) {
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return;
  at->second.job->fail(error);
  drop(at);
}

void JobRunner::post(Id id) {
  node_.env().executor.post([this, alive = alive_, id] {
    if (!*alive) return;
    if (const auto at = jobs_.find(id); at != jobs_.end()) at->second.busy = false;
    run(id);
  });
}

void JobRunner::load(Id id, const PageRequest& missing) {
  node_.backend().load(missing, [this, alive = alive_, id](const Status& loaded) {
    if (!*alive) return;
    if (const auto at = jobs_.find(id); at != jobs_.end()) at->second.busy = false;
    // The cache may be full of pages in use: that passes.
    if (!loaded.ok() && loaded.error().code() != ErrorCode::kResourceExhausted)
      return fail(id, loaded.error());
    run(id);
  });
}

void JobRunner::drop(std::map<Id, Entry>::iterator at) {
  jobs_.erase(at);
  node_.read_ended();
}

}  // namespace revd

// The reads that ApiService runs as jobs: a range, a range in pages, a hash, a snapshot stream.
//
// Internal to server/services. Thread rule: the reactor. Each owns its call's reply; borrows node and runner.
// Sizes: pages and chunks are bounded by settings or constants here; a single range's answer is as large as
// what it asks for, and is begun only while the caller has credit.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/hash.h"
#include "engine/backup.h"
#include "mvcc/hash.h"
#include "mvcc/range_task.h"
#include "server/services/answers.h"
#include "server/services/job_runner.h"

namespace revd {

// What the jobs share: the reply, and waiting for its credit.
class ReplyJob : public Job {
 public:
  ReplyJob(Node& node, JobRunner& runner, std::unique_ptr<Reply> reply)
      : node_(node), runner_(runner), reply_(std::move(reply)) {}
  // Once, before the first run().
  void set_id(JobRunner::Id id) { id_ = id; }
  void fail(const Error& error) override { finish_error(node_, *reply_, error, true); }
  bool gone() const override { return reply_->gone(); }

 protected:
  // True if something may be sent now; otherwise run() comes when that changes.
  bool has_credit();
  State failed(const Error& error) {
    fail(error);
    return State::kDone;
  }
  static State state_of(Step step) { return step == Step::kBlocked ? State::kBlocked : State::kAgain; }

  Node& node_;
  JobRunner& runner_;
  std::unique_ptr<Reply> reply_;
  JobRunner::Id id_ = 0;
};

class RangeJob final : public ReplyJob {
 public:
  RangeJob(Node& node, JobRunner& runner, std::unique_ptr<Reply> reply, RangeRequest request)
      : ReplyJob(node, runner, std::move(reply)), task_(node.store(), std::move(request)) {}
  State step(StepBudget& budget) override;
  const PageRequest& missing() const override { return task_.missing(); }

 private:
  RangeTask task_;
  bool begun_ = false;
};

class RangePagesJob final : public ReplyJob {
 public:
  static constexpr uint64_t kPageBytes = 256 << 10;  // if the caller doesn't say
  static constexpr uint64_t kPageBytesMax = 1 << 20;

  RangePagesJob(Node& node, JobRunner& runner, std::unique_ptr<Reply> reply, RangePagesRequest request);
  State step(StepBudget& budget) override;
  const PageRequest& missing() const override { return task_.missing(); }

 private:
  RangeTask task_;
};

class HashJob final : public ReplyJob {
 public:
  HashJob(Node& node, JobRunner& runner, std::unique_ptr<Reply> reply, const HashRequest& request)
      : ReplyJob(node, runner, std::move(reply)), task_(node.store(), request.revision) {}
  State step(StepBudget& budget) override;
  const PageRequest& missing() const override { return task_.missing(); }

 private:
  HashTask task_;
};

class SnapshotJob final : public ReplyJob {
 public:
  SnapshotJob(Node& node, JobRunner& runner, std::unique_ptr<Reply> reply)
      : ReplyJob(node, runner, std::move(reply)) {}
  State step(StepBudget& budget) override;
  const PageRequest& missing() const override { return source_->missing(); }

 private:
  std::optional<BackupSource> source_;  // begun with the first step
  int64_t revision_ = 0;
  uint64_t offset_ = 0;
  StreamingHash hash_;
};

}  // namespace revd

#include "engine/checkpointer.h"

#include "base/mutant.h"
#include "base/strings.h"

namespace revd::engine_internal {

CheckpointDriver::CheckpointDriver(Env& env, const BackendConfig& config, wal::Wal& log,
                                   btree::PageFile& pages)
    : env_(env),
      config_(config),
      log_(log),
      pages_(pages),
      interval_(env.executor),
      soon_(env.executor),
      previous_applied_(pages.superblock().applied),
      previous_start_segment_(pages.superblock().info.wal_start_segment),
      log_bytes_at_start_(log.statistics().written_bytes) {}

void CheckpointDriver::note_commit() {
  if (running_) return;
  const bool much_log = log_.statistics().written_bytes - log_bytes_at_start_ >= config_.checkpoint_log_bytes;
  if (much_log || pages_.needs_checkpoint()) {
    // Not here: the caller may be about to open its next transaction.
    if (!soon_.running()) soon_.start(Duration::zero(), [this] { request(nullptr); });
  } else if (!interval_.running()) {
    interval_.start(std::chrono::milliseconds(config_.flush_interval_ms), [this] { request(nullptr); });
  }
}

void CheckpointDriver::request(Done done) {
  if (done) next_.push_back(std::move(done));
  if (!running_) start();
}

void CheckpointDriver::start() {
  running_ = true;
  interval_.stop();
  soon_.stop();
  current_ = std::exchange(next_, {});
  started_ = env_.clock.now();
  log_bytes_at_start_ = log_.statistics().written_bytes;
  wait_for_log();
}

void CheckpointDriver::wait_for_log() {
  const bool covered = log_.durable_index() >= pages_.applied().index;
  if (covered || MUTANT(CheckpointBeyondDurable)) return write_pages();
  log_.flush([this](const Status& status) {
    if (!status.ok()) return finish(status);
    wait_for_log();  // more may have been applied meanwhile
  });
}

void CheckpointDriver::write_pages() {
  const LogIndex next = pages_.applied().index.next();
  btree::CheckpointInfo info = pages_.superblock().info;
  info.commit = log_.hard_state().commit;
  info.acknowledged_sequence = log_.acknowledged_sequence();
  info.wal_start_segment = log_.segment_of(next);
  info.log_base.log = log_.identity().log;
  pages_.checkpoint(info, [this](Status status) {
    if (!status.ok()) return finish(status);
    record_in_log();
  });
}

// The record makes older superblocks unacceptable at the next opening; only then may go what they need.
void CheckpointDriver::record_in_log() {
  const btree::Superblock& superblock = pages_.superblock();
  const wal::CheckpointRecord record{.file = superblock.file,
                                     .checkpoint = superblock.sequence.value(),
                                     .predecessor = superblock.predecessor.value()};
  auto appended = log_.append_checkpoint(record, [this](const Result<AppendToken>& durable) {
    if (!durable.ok()) return finish(durable.error());
    log_.set_floor(previous_applied_.index.next(), previous_start_segment_);
    previous_applied_ = pages_.superblock().applied;
    previous_start_segment_ = pages_.superblock().info.wal_start_segment;
    finish({});
  });
  if (!appended.ok()) finish(appended.error());
}

void CheckpointDriver::finish(const Status& status) {
  running_ = false;
  if (status.ok()) {
    ++completed_;
    durations_ns_.record(static_cast<uint64_t>((env_.clock.now() - started_).count()));
  } else {
    env_.logger.error("engine", "checkpoint failed", {{"error", status.error().describe()}});
  }
  for (Done& done : std::exchange(current_, {})) done(status);
  if (!status.ok()) {
    for (Done& done : std::exchange(next_, {})) done(status);
    if (stop_) stop_(status.error());
    return;
  }
  if (!next_.empty()) {
    start();
  } else if (pages_.applied() != previous_applied_) {
    note_commit();
  }
}

}  // namespace revd::engine_internal

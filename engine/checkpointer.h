// Checkpointer: when a checkpoint starts, what it waits for, and what follows it.
//
// Internal to the engine; reactor thread. One checkpoint at a time:
//   wait until the log holds everything applied -> pages.checkpoint -> checkpoint record in the log,
//   durable -> entries that only the generation before the last needed are released.
// Crash cases: engine/README.md, "Checkpoint".
#pragma once

#include <functional>
#include <vector>

#include "base/env.h"
#include "base/histogram.h"
#include "engine/backend_config.h"
#include "engine/types.h"

namespace revd::engine_internal {

class CheckpointDriver {
 public:
  using Done = std::move_only_function<void(Status)>;

  CheckpointDriver(Env& env, const BackendConfig& config, wal::Wal& log, btree::PageFile& pages);

  // `done` comes when a checkpoint that contains everything applied by now is durable.
  void request(Done done);
  // Something was applied: makes sure that a checkpoint follows in time.
  void note_commit();
  bool running() const { return running_; }
  uint64_t completed() const { return completed_; }
  const Histogram& durations_ns() const { return durations_ns_; }
  void on_failure(std::function<void(const Error&)> stop) { stop_ = std::move(stop); }

 private:
  void start();
  void wait_for_log();
  void write_pages();
  void record_in_log();
  void finish(const Status& status);

  Env& env_;
  const BackendConfig& config_;
  wal::Wal& log_;
  btree::PageFile& pages_;
  Timer interval_;
  Timer soon_;
  std::function<void(const Error&)> stop_;

  bool running_ = false;
  std::vector<Done> current_;  // answered by the running checkpoint
  std::vector<Done> next_;     // by the one after it
  // Of the newest durable checkpoint: what the next one's predecessor will need of the log.
  AppliedPosition previous_applied_;
  uint64_t previous_start_segment_ = 0;
  uint64_t log_bytes_at_start_ = 0;
  Instant started_;
  uint64_t completed_ = 0;
  Histogram durations_ns_;
};

}  // namespace revd::engine_internal

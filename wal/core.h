// What the parts of one open log share: seams, settings, identity, the failure, work under way.
//
// Thread rule: the log's reactor thread. Internal to wal/.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "wal/wal.h"

namespace revd::wal {

class Core {
 public:
  Core(Env env_in, WalOptions options_in) : env(env_in), options(std::move(options_in)) {}

  Env env;
  WalOptions options;
  LogIdentity identity;
  uint64_t run = 0;  // random per open; goes into every batch
  WalStatistics statistics;
  // Called once, when the log fails, so that every part fails what is waiting in it.
  std::function<void()> on_failure;
  // Called when the owner has gone and the last operation has ended: nothing refers to this any more.
  std::function<void()> on_abandoned_idle;

  std::string path(std::string_view name) const { return str_cat(options.directory, "/", name); }

  const std::optional<Error>& failure() const { return failure_; }
  // The first failure stays; the log writes nothing after it.
  void fail(const Error& error) {
    if (failure_) return;
    failure_ = error;
    if (abandoned_) return;
    env.logger.error("wal", "the log has failed and stops", {{"error", error.describe()}});
    on_failure();
  }

  // Between begin and end the disk holds on to an operation or buffer of this log.
  void begin_operation() { ++operations_; }
  // The last thing that a completion does: nothing of the log may be touched after it.
  void end_operation() {
    if (--operations_ > 0 || !abandoned_) return;
    const std::function<void()> last = std::move(on_abandoned_idle);  // it destroys this
    last();
  }
  bool abandoned() const { return abandoned_; }
  // False also after the machine under the disk has gone, with whatever was under way.
  bool idle() const { return operations_ == 0; }

  // Runs `task` soon, unless the owner goes first.
  template <typename Call>
  void post(Call task) {
    env.executor.post([alive = alive_, task = std::move(task)]() mutable {
      if (*alive) task();
    });
  }
  // The owner has gone. False if nothing is under way, so that on_abandoned_idle won't come.
  bool abandon() {
    abandoned_ = true;
    *alive_ = false;
    return operations_ > 0;
  }

 private:
  std::optional<Error> failure_;
  bool abandoned_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // posted tasks look at it
  size_t operations_ = 0;
};

}  // namespace revd::wal

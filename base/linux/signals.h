// StopOnSignals: SIGTERM and SIGINT make an env's run_until() return false.
//
// Thread rule: made and destroyed on the main thread, one at a time per process. Borrows the env.
// SIGPIPE and SIGXFSZ are ignored meanwhile: both come back as errors of the call concerned.
#pragma once

#include <csignal>

#include "base/linux/linux_env.h"

namespace revd {

class StopOnSignals {
 public:
  explicit StopOnSignals(LinuxEnv& env);
  // The earlier handlers are back afterwards.
  ~StopOnSignals();
  StopOnSignals(const StopOnSignals&) = delete;
  StopOnSignals& operator=(const StopOnSignals&) = delete;

 private:
  struct sigaction before_[4];
};

}  // namespace revd

// Env: everything outside the process that revd may touch, as references to five seams.
//
// A node, a Backend and a client are built from an Env and driven only by its completions and
// timers: they can't tell Linux (base/linux/linux_env.h) from the simulator (tests/sim).
#pragma once

#include "base/clock.h"
#include "base/disk.h"
#include "base/executor.h"
#include "base/logger.h"
#include "base/network.h"
#include "base/random.h"

namespace revd {

struct Env {
  Clock& clock;
  Disk& disk;
  Network& network;
  Executor& executor;
  Logger& logger;
  Random& random;  // seeded by the system on Linux, by the seed in the simulator
};

}  // namespace revd

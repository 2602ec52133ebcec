// DoorContext: what every connection of a door shares. Borrowed; the door outlives its connections.
#pragma once

#include <cstdint>

#include "base/env.h"
#include "server/door/memory_budget.h"
#include "server/door/settings.h"
#include "server/protocol/handshake.h"
#include "server/service.h"

namespace revd {

// Since the door was made; for metrics and tests.
struct DoorCounts {
  uint64_t accepted = 0;
  uint64_t refused = 0;    // connections: too many, wrong magic, unknown version
  uint64_t malformed = 0;  // connections ended for broken bytes
  uint64_t timed_out = 0;  // connections: handshake, idle, write
  uint64_t requests = 0;   // handed to the service
  uint64_t shed = 0;       // answered "too many requests"
  uint64_t expired = 0;    // requests whose deadline passed
  uint64_t answers = 0;
  uint64_t reads = 0;  // completed
  uint64_t writes = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
};

struct DoorContext {
  Env& env;
  Service& service;
  const DoorSettings& settings;
  protocol::ServerIntroduction introduction;
  MemoryBudget budget;
  DoorCounts counts;
};

}  // namespace revd

// ClientOptions and CallOptions: how a client connects, waits and repeats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/network.h"

namespace revd {

struct ClientOptions {
  std::vector<Address> endpoints;    // of one cluster, one at least; tried in turn
  std::string name = "revd-client";  // for the server's log

  uint32_t connect_timeout_ms = 5'000;  // for TCP and handshake together
  uint32_t backoff_min_ms = 20;         // after a round of all endpoints without success; doubles
  uint32_t backoff_max_ms = 2'000;
  uint32_t ping_interval_ms = 10'000;  // a server silent for two of them is given up

  uint32_t call_timeout_ms = 10'000;  // of a call that doesn't say
  uint32_t session_ttl_ms = 60'000;  // how long the server remembers this client's writes after its last sign
  uint32_t session_window = 256;     // writes in flight; further ones wait in the client
  uint64_t answer_bytes_max = 1ULL << 30;  // of one answer; more ends the connection
};

struct CallOptions {
  std::optional<uint32_t> timeout_ms;  // 0: none
  // Writes: applied once, however often they're sent. Without it a write is sent once, and a lost
  // connection leaves its outcome unknown.
  bool in_session = true;
};

}  // namespace revd

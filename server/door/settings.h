// DoorSettings: the limits of the binary protocol's door. All are the server's settings, with units.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace revd {

struct DoorSettings {
  // Of the whole process.
  uint32_t connections_max = 10'000;
  // Buffers, requests in flight and queued answers of all connections together. Beyond it requests are
  // answered "too many requests" and streams wait.
  uint64_t memory_bytes_max = 1ULL << 30;

  // Of each connection.
  uint32_t request_bytes_max = 1536 * 1024;
  uint32_t requests_in_flight_max = 1024;         // beyond these two
  uint64_t bytes_in_flight_max = 8ULL << 20;      // nothing more is read from the connection
  uint64_t answer_bytes_queued_max = 1ULL << 20;  // the same; streams wait
  uint32_t streams_max = 100'000;                 // open watches, ranges in pages, snapshots

  uint32_t handshake_timeout_ms = 10'000;
  uint32_t idle_timeout_ms = 120'000;  // without one whole frame from the client
  uint32_t write_timeout_ms = 30'000;  // for one write, of 256 KiB or one large frame, to be taken
  uint32_t linger_timeout_ms = 1'000;  // for a peer to read why its connection ends
  uint32_t drain_timeout_ms = 10'000;  // for requests in flight when the server stops
  uint32_t slow_request_ms = 100;      // slower ones are logged
};

// kInvalidArgument names the setting, its value and what is allowed.
Status check(const DoorSettings& settings);

}  // namespace revd

// What can go wrong with a SimDisk beyond a crash. Everything is off by default; a swarm test turns
// a random part on. Probabilities are per operation, 0 to 1.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"

namespace revd {

struct SimDiskFaults {
  double slow = 0;  // takes up to slow_max
  Duration slow_max = std::chrono::seconds(30);
  double read_error = 0;           // kIo once; the next try succeeds
  double bad_sector = 0;           // a read meets one: kIo until it's written again
  double write_error = 0;          // kIo; some sectors changed, some not
  double sync_error = 0;           // kIo, and what was covered is dropped or kept at random
  double durable_write_error = 0;  // the same for a durable write
  double name_error = 0;           // kIo for open, rename, remove, ..., with no effect
  double no_space = 0;             // kResourceExhausted although there was room
  double rot = 0;                  // a write also flips bits somewhere at rest
  double misdirected_write = 0;    // acknowledged, lands elsewhere in the same file
  double lost_write = 0;           // acknowledged, never reaches the medium
  double stale_read = 0;           // gives what was there before the latest write

  // Which bytes media faults (bad_sector, rot, misdirected, lost, stale) may damage, so that a fault
  // map never takes more copies of one thing than a test can spare. Empty: everything.
  std::function<bool(const std::string& path, uint64_t offset, uint64_t length)> may_damage = {};
};

// How often each fault happened.
struct SimDiskFaultCounts {
  uint64_t slow = 0;
  uint64_t read_errors = 0;
  uint64_t bad_sectors = 0;  // reads that failed on one
  uint64_t write_errors = 0;
  uint64_t sync_errors = 0;
  uint64_t durable_write_errors = 0;
  uint64_t name_errors = 0;
  uint64_t no_space = 0;
  uint64_t rotten = 0;
  uint64_t misdirected_writes = 0;
  uint64_t lost_writes = 0;
  uint64_t stale_reads = 0;
};

// Typical times; each operation takes between half and one and a half of them, one in 64 up to 16
// times as long.
struct SimDiskLatency {
  Duration read = std::chrono::microseconds(80);
  Duration write = std::chrono::microseconds(30);
  Duration sync = std::chrono::microseconds(400);  // and durable writes
  Duration name = std::chrono::microseconds(20);
};

}  // namespace revd

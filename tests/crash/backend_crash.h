// Crash tests of the storage alone: a random workload on KvEngine over the simulated disk, the power cut
// at every I/O, reopened, compared with the oracle of acknowledged batches, verified.
//
// Everything is a function of the seed. What is varied and what must hold: tests/crash/README.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace revd::crash {

struct CrashOptions {
  uint32_t operations = 120;  // batches and other steps per seed
  uint64_t findings_max = 1;  // a seed ends after that many
};

struct CrashReport {
  uint64_t crash_points = 0;
  uint64_t damaged_superblocks = 0;  // of the crash points: newest superblock damaged in both copies
  uint64_t fallbacks = 0;            // reopened with the predecessor
  uint64_t continued = 0;            // went on after a crash, to the next one
  uint64_t clean_reopens = 0;
  uint64_t checkpoints = 0;
  uint64_t torn_tails = 0;  // batches appended, not acknowledged and gone
  uint64_t kept_tails = 0;  // batches not acknowledged but there
  std::vector<std::string> findings;

  void add(const CrashReport& other);
};

CrashReport run_backend_seed(uint64_t seed, const CrashOptions& options = {});

}  // namespace revd::crash

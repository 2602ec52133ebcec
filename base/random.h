// Seeded random numbers (xoshiro256**): the same seed gives the same numbers on every machine.
//
// Not for secrets. Every subsystem of the simulator has a stream of its own, made by fork().
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/ids.h"

namespace revd {

class Random {
 public:
  explicit Random(uint64_t seed);

  uint64_t next();
  // Uniform in [0, bound); bound > 0.
  uint64_t below(uint64_t bound);
  // Uniform in [low, high], both included.
  uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
  // True with probability numerator / denominator.
  bool chance(uint64_t numerator, uint64_t denominator) { return below(denominator) < numerator; }
  // Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  void fill(MutableByteSpan out);
  Uuid uuid();
  // An independent stream, also a function of this one's seed.
  Random fork() { return Random(next()); }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace revd

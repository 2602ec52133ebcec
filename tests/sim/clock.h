// SimClock: the clock of one simulated machine. Its rate may differ from the world's time (drift), and
// its wall time may jump; the monotonic time never goes back.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "tests/sim/loop.h"

namespace revd {

class SimClock final : public Clock {
 public:
  explicit SimClock(const SimLoop& loop) : loop_(loop) {}

  Instant now() const override { return Instant(Duration(local_ns())); }
  int64_t wall_time_ns() const override { return local_ns() + wall_offset_ns_; }

  // 1.1 is ten percent fast. From now on; what has passed stays.
  void set_rate(double rate);
  // The wall time goes forward or back.
  void jump_wall(Duration by) { wall_offset_ns_ += by.count(); }
  // Both times go forward, as after a suspended machine wakes up. `by` is at least 0.
  void jump_forward(Duration by);
  // How much world time until this clock has advanced by `local`, rounded up.
  int64_t world_delay_ns(Duration local) const;

 private:
  int64_t local_ns() const;

  const SimLoop& loop_;
  double rate_ = 1.0;
  int64_t base_world_ns_ = 0;
  int64_t base_local_ns_ = 1'000'000'000;
  int64_t wall_offset_ns_ = 1'700'000'000'000'000'000;
};

}  // namespace revd

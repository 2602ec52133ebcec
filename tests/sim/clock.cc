#include "tests/sim/clock.h"

#include <cmath>

#include "base/check.h"

namespace revd {

int64_t SimClock::local_ns() const {
  const int64_t passed = loop_.now_ns() - base_world_ns_;
  // Exact without drift: a double has 53 bits.
  if (rate_ == 1.0) return base_local_ns_ + passed;
  return base_local_ns_ + static_cast<int64_t>(std::floor(static_cast<double>(passed) * rate_));
}

void SimClock::set_rate(double rate) {
  CHECK(rate > 0);
  base_local_ns_ = local_ns();
  base_world_ns_ = loop_.now_ns();
  rate_ = rate;
}

void SimClock::jump_forward(Duration by) {
  CHECK(by.count() >= 0);
  base_local_ns_ += by.count();
}

int64_t SimClock::world_delay_ns(Duration local) const {
  if (local.count() <= 0) return 0;
  if (rate_ == 1.0) return local.count();
  return static_cast<int64_t>(std::ceil(static_cast<double>(local.count()) / rate_)) + 1;
}

}  // namespace revd

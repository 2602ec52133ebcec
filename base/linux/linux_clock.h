// LinuxClock: CLOCK_MONOTONIC and CLOCK_REALTIME. Any thread.
#pragma once

#include <ctime>

#include "base/clock.h"

namespace revd::os {

class LinuxClock final : public Clock {
 public:
  Instant now() const override { return Instant(Duration(read(CLOCK_MONOTONIC))); }
  int64_t wall_time_ns() const override { return read(CLOCK_REALTIME); }

 private:
  static int64_t read(clockid_t which) {
    timespec time{};
    clock_gettime(which, &time);
    return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  }
};

}  // namespace revd::os

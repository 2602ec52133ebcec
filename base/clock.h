// Clock: the only source of time. Core folders never ask the system.
#pragma once

#include <chrono>
#include <cstdint>

namespace revd {

using Duration = std::chrono::nanoseconds;

// Tag of the monotonic time line; it has no now(), which only a Clock has.
struct Monotonic {
  using rep = int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<Monotonic>;
  static constexpr bool is_steady = true;  // NOLINT(readability-identifier-naming): the name std wants
};
using Instant = std::chrono::time_point<Monotonic, Duration>;

class Clock {
 public:
  virtual ~Clock() = default;
  // Never goes back; starts anywhere. For intervals and timers.
  virtual Instant now() const = 0;
  // Nanoseconds since 1970 UTC; may jump. For people (log lines, file stamps) alone.
  virtual int64_t wall_time_ns() const = 0;
};

}  // namespace revd

// SimLogger: keeps the last lines of a simulated process, for when a test fails.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "base/logger.h"
#include "tests/sim/loop.h"

namespace revd {

class SimLogger final : public Logger {
 public:
  SimLogger(SimLoop& loop, uint32_t process, std::string name)
      : loop_(loop), process_(process), name_(std::move(name)) {}

  void log(LogLevel level, std::string_view part, std::string_view event,
           std::initializer_list<LogField> fields) override;

  // "12.000345678 n1 W wal: torn tail offset=4096", oldest first.
  const std::deque<std::string>& lines() const { return lines_; }
  // How many lines contain `text`, of those kept.
  size_t count(std::string_view text) const;

  size_t lines_max = 200;

 private:
  SimLoop& loop_;
  uint32_t process_;
  std::string name_;
  std::deque<std::string> lines_;
};

}  // namespace revd

// StderrLogger: one line per call, written with one system call.
//
//   2026-11-22T07:00:00.123Z INFO wal opened path=/var/lib/revd/wal entries=12
//
// Thread rule: any thread. Values that are empty or hold spaces, quotes, '=' or unprintable bytes
// are quoted, with \" \\ \n and \xNN inside. A line that can't be written is lost.
#pragma once

#include "base/clock.h"
#include "base/logger.h"

namespace revd::os {

class StderrLogger final : public Logger {
 public:
  // `clock` and `descriptor` are borrowed. Lines below `minimum` are dropped.
  StderrLogger(const Clock& clock, LogLevel minimum, int descriptor = 2)
      : clock_(clock), minimum_(minimum), descriptor_(descriptor) {}
  void log(LogLevel level, std::string_view part, std::string_view event,
           std::initializer_list<LogField> fields) override;

 private:
  const Clock& clock_;
  const LogLevel minimum_;
  const int descriptor_;
};

// Drops everything.
class NullLogger final : public Logger {
 public:
  void log(LogLevel, std::string_view, std::string_view, std::initializer_list<LogField>) override {}
};

// The line for these arguments, with its newline.
std::string format_log_line(int64_t wall_time_ns, LogLevel level, std::string_view part,
                            std::string_view event, std::initializer_list<LogField> fields);

}  // namespace revd::os

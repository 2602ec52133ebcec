// Logger: structured lines, `event key=value`. base/linux writes them to stderr, the server through
// a library, tests collect them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace revd {

enum class LogLevel : uint8_t { kTrace, kDebug, kInfo, kWarning, kError };

struct LogField {
  std::string_view key;
  std::string value;
};

class Logger {
 public:
  virtual ~Logger() = default;
  // `part` is the folder or component ("wal", "raft"), `event` a short fixed text that can be
  // searched for; what varies goes into the fields. Callable from any thread.
  virtual void log(LogLevel level, std::string_view part, std::string_view event,
                   std::initializer_list<LogField> fields) = 0;

  void debug(std::string_view part, std::string_view event, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::kDebug, part, event, fields);
  }
  void info(std::string_view part, std::string_view event, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::kInfo, part, event, fields);
  }
  void warning(std::string_view part, std::string_view event, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::kWarning, part, event, fields);
  }
  void error(std::string_view part, std::string_view event, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::kError, part, event, fields);
  }
};

}  // namespace revd

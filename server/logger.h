// ServerLogger: the program's log on stderr, by spdlog: `time LEVEL part event key=value`, or JSON lines.
//
// Thread rule: any thread. Levels by part. Values with spaces, quotes or unprintable bytes are quoted, as by
// base/linux/stderr_logger.h.
#pragma once

#include <memory>

#include "base/logger.h"
#include "server/settings.h"

namespace spdlog {
class logger;
}

namespace revd {

class ServerLogger final : public Logger {
 public:
  explicit ServerLogger(const LogSettings& settings);
  ~ServerLogger() override;
  void log(LogLevel level, std::string_view part, std::string_view event,
           std::initializer_list<LogField> fields) override;
  bool enabled(LogLevel level, std::string_view part) const;

 private:
  LogSettings settings_;
  std::shared_ptr<spdlog::logger> out_;
};

// What follows time and level in a line of text, and in a JSON object.
std::string log_text(std::string_view part, std::string_view event, std::initializer_list<LogField> fields);
std::string log_json(std::string_view part, std::string_view event, std::initializer_list<LogField> fields);

}  // namespace revd

#include "base/linux/stderr_logger.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>

namespace revd::os {

namespace {

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace: return "TRACE";
    case LogLevel::kDebug: return "DEBUG";
    case LogLevel::kInfo: return "INFO";
    case LogLevel::kWarning: return "WARN";
    case LogLevel::kError: return "ERROR";
  }
  return "?";
}

bool printable(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte != 0x7f;  // bytes above are UTF-8 and stay as they are
}

bool needs_quotes(std::string_view value) {
  return value.empty() || !std::ranges::all_of(value, [](char c) {
           return printable(c) && c != ' ' && c != '"' && c != '=' && c != '\\';
         });
}

void append_value(std::string& line, std::string_view value) {
  if (!needs_quotes(value)) {
    line.append(value);
    return;
  }
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else if (!printable(c)) {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(c));
      line += escaped;
    } else {
      line += c;
    }
  }
  line += '"';
}

}  // namespace

std::string format_log_line(int64_t wall_time_ns, LogLevel level, std::string_view part,
                            std::string_view event, std::initializer_list<LogField> fields) {
  const time_t seconds = wall_time_ns / 1'000'000'000;
  tm utc{};
  gmtime_r(&seconds, &utc);
  char stamp[32];
  const size_t length = std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
  char millis[8];
  std::snprintf(millis, sizeof millis, ".%03dZ ", static_cast<int>(wall_time_ns / 1'000'000 % 1000));

  std::string line(stamp, length);
  line.append(millis).append(level_name(level)).append(" ").append(part).append(" ").append(event);
  for (const LogField& field : fields) {
    line.append(" ").append(field.key).append("=");
    append_value(line, field.value);
  }
  line += '\n';
  return line;
}

void StderrLogger::log(LogLevel level, std::string_view part, std::string_view event,
                       std::initializer_list<LogField> fields) {
  if (level < minimum_) return;
  const std::string line = format_log_line(clock_.wall_time_ns(), level, part, event, fields);
  ssize_t written = 0;
  do {  // one call per line: the kernel keeps the lines of several threads apart
    written = ::write(descriptor_, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
}

}  // namespace revd::os

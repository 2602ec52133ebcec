#include "server/logger.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace revd {

namespace {

constexpr char kHex[] = "0123456789abcdef";

bool is_plain(char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '='; }

void append_quoted(std::string_view value, std::string& out, bool json) {
  out += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += json ? "\\u00" : "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace: return spdlog::level::trace;
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

std::string log_text(std::string_view part, std::string_view event, std::initializer_list<LogField> fields) {
  std::string line(part);
  line += ' ';
  line += event;
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    if (!field.value.empty() && std::ranges::all_of(field.value, is_plain))
      line += field.value;
    else
      append_quoted(field.value, line, false);
  }
  return line;
}

std::string log_json(std::string_view part, std::string_view event, std::initializer_list<LogField> fields) {
  std::string line = "\"part\":";
  append_quoted(part, line, true);
  line += ",\"event\":";
  append_quoted(event, line, true);
  for (const LogField& field : fields) {
    line += ',';
    append_quoted(field.key, line, true);
    line += ':';
    append_quoted(field.value, line, true);
  }
  return line;
}

ServerLogger::ServerLogger(const LogSettings& settings)
    : settings_(settings),
      out_(std::make_shared<spdlog::logger>("revd", std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  constexpr auto kUtc = spdlog::pattern_time_type::utc;
  out_->set_level(spdlog::level::trace);  // levels are by part
  out_->flush_on(spdlog::level::trace);
  if (settings_.json)
    out_->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})", kUtc);
  else
    out_->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", kUtc);
}

ServerLogger::~ServerLogger() = default;

bool ServerLogger::enabled(LogLevel level, std::string_view part) const {
  const auto own = settings_.by_part.find(part);
  return level >= (own == settings_.by_part.end() ? settings_.level : own->second);
}

void ServerLogger::log(LogLevel level, std::string_view part, std::string_view event,
                       std::initializer_list<LogField> fields) {
  if (!enabled(level, part)) return;
  const std::string line = settings_.json ? log_json(part, event, fields) : log_text(part, event, fields);
  out_->log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace revd

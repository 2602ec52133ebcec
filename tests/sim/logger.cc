#include "tests/sim/logger.h"

#include <algorithm>

#include "base/strings.h"

namespace revd {

void SimLogger::log(LogLevel level, std::string_view part, std::string_view event,
                    std::initializer_list<LogField> fields) {
  constexpr std::string_view kLetters = "TDIWE";
  const int64_t now = loop_.now_ns();
  std::string fraction = std::to_string(now % 1'000'000'000);
  fraction.insert(0, 9 - fraction.size(), '0');
  std::string line = str_cat(now / 1'000'000'000, ".", fraction, " ", name_, " ",
                             kLetters.substr(static_cast<size_t>(level), 1), " ", part, ": ", event);
  for (const LogField& field : fields) line += str_cat(" ", field.key, "=", field.value);
  loop_.note(SimEventKind::kLog, process_, xxh3_64(as_bytes(line)));
  lines_.push_back(std::move(line));
  while (lines_.size() > lines_max) lines_.pop_front();
}

size_t SimLogger::count(std::string_view text) const {
  return static_cast<size_t>(std::count_if(lines_.begin(), lines_.end(), [&](const std::string& line) {
    return line.find(text) != std::string::npos;
  }));
}

}  // namespace revd

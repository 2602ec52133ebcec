#include "base/linux/stderr_logger.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "base/linux/linux_clock.h"
#include "base/strings.h"

namespace revd::os {
namespace {

constexpr int64_t kMoment = int64_t{1'795'330'800} * 1'000'000'000 + 123'456'789;  // 2026-11-22 07:00

TEST(StderrLogger, WritesTimeLevelPartEventAndFields) {
  EXPECT_EQ(
      format_log_line(kMoment, LogLevel::kInfo, "wal", "opened", {{"path", "/d/wal"}, {"entries", "12"}}),
      "2026-11-22T07:00:00.123Z INFO wal opened path=/d/wal entries=12\n");
}

TEST(StderrLogger, QuotesWhatWouldBeAmbiguous) {
  EXPECT_EQ(
      format_log_line(
          kMoment, LogLevel::kError, "raft", "refused",
          {{"a", "two words"}, {"b", ""}, {"c", "q\"b\\"}, {"d", "x=y"}, {"e", "l\n\x01"}, {"f", "größe"}}),
      "2026-11-22T07:00:00.123Z ERROR raft refused a=\"two words\" b=\"\" c=\"q\\\"b\\\\\" d=\"x=y\" "
      "e=\"l\\n\\x01\" f=größe\n");
}

class LoggedPipe {
 public:
  LoggedPipe() { EXPECT_EQ(pipe(ends_), 0); }
  ~LoggedPipe() { close(ends_[0]); }
  int descriptor() const { return ends_[1]; }
  // All lines; ends the writing side.
  std::vector<std::string> lines() {
    close(ends_[1]);
    std::string all;
    char buffer[4096];
    for (ssize_t count = 0; (count = read(ends_[0], buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<size_t>(count));
    std::vector<std::string> found;
    for (size_t start = 0; start < all.size();) {
      const size_t end = all.find('\n', start);
      found.push_back(all.substr(start, end - start));
      start = end + 1;
    }
    return found;
  }

 private:
  int ends_[2];
};

TEST(StderrLogger, DropsWhatIsBelowTheMinimum) {
  LoggedPipe pipe;
  const LinuxClock clock;
  StderrLogger logger(clock, LogLevel::kWarning, pipe.descriptor());
  logger.info("a", "quiet");
  logger.warning("a", "loud");
  const std::vector<std::string> lines = pipe.lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].ends_with("WARN a loud")) << lines[0];
}

TEST(StderrLogger, KeepsLinesOfSeveralThreadsApart) {
  LoggedPipe pipe;
  const LinuxClock clock;
  StderrLogger logger(clock, LogLevel::kInfo, pipe.descriptor());
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([&] {
        for (int i = 0; i < 100; ++i) logger.info("part", "event", {{"number", std::to_string(i)}});
      });
  }
  const std::vector<std::string> lines = pipe.lines();
  EXPECT_EQ(lines.size(), 400U);
  for (const std::string& line : lines)
    EXPECT_TRUE(line.starts_with("20") && line.contains("INFO part event number=")) << line;
}

}  // namespace
}  // namespace revd::os

// Where settings come from, which one wins, and what a wrong one is told.
#include "server/settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <vector>

#include "base/strings.h"
#include "server/logger.h"

namespace revd {
namespace {

class SettingsTest : public ::testing::Test {
 protected:
  void TearDown() override { unsetenv("REVD_CACHE_SIZE_MB"); }

  static Result<CommandLine> parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "revd");
    return parse_command_line(static_cast<int>(arguments.size()), arguments.data(), "9.9.9");
  }
  static std::string error_of(std::vector<const char*> arguments) {
    const auto line = parse(std::move(arguments));
    return line.ok() ? "(fine)" : line.error().text();
  }
  std::string write_file(const std::string& text) {
    const std::string path = str_cat(::testing::TempDir(), "/settings-", getpid(), ".toml");
    std::ofstream(path) << text;
    return path;
  }
};

TEST_F(SettingsTest, DefaultsAreAllowed) {
  const auto line = parse({});
  ASSERT_TRUE(line.ok()) << line.error().text();
  EXPECT_EQ(line->settings.listen_client.to_string(), "127.0.0.1:7480");
  EXPECT_EQ(line->settings.node.backend.cache_size_mb, 256U);
}

TEST_F(SettingsTest, FlagsWinOverEnvironmentOverFile) {
  const std::string path =
      write_file("cache_size_mb = 11\nflush_interval_ms = 111\ncompression = false\ninsecure = true\n");
  setenv("REVD_CACHE_SIZE_MB", "22", 1);
  const auto both = parse({"--config", path.c_str(), "--flush-interval-ms", "333"});
  ASSERT_TRUE(both.ok()) << both.error().text();
  EXPECT_EQ(both->settings.node.backend.cache_size_mb, 22U);
  EXPECT_EQ(both->settings.node.backend.flush_interval_ms, 333U);
  EXPECT_FALSE(both->settings.node.backend.compression);
  EXPECT_TRUE(both->settings.insecure);
  const auto flag = parse({"--config", path.c_str(), "--cache-size-mb", "33"});
  ASSERT_TRUE(flag.ok());
  EXPECT_EQ(flag->settings.node.backend.cache_size_mb, 33U);
}

TEST_F(SettingsTest, AWrongValueNamesFlagValueAndWhatIsAllowed) {
  EXPECT_EQ(error_of({"--cache-size-mb", "4"}), "--cache-size-mb is \"4\"; allowed: 8 to 1048576");
  EXPECT_EQ(error_of({"--cache-size-mb", "much"}), "--cache-size-mb is \"much\"; allowed: 8 to 1048576");
  EXPECT_EQ(error_of({"--compaction-mode", "x"}),
            "--compaction-mode is \"x\"; allowed: off, periodic or revision");
  EXPECT_EQ(error_of({"--compression", "maybe"}), "--compression is \"maybe\"; allowed: true or false");
  EXPECT_NE(error_of({"--wal-segment-bytes", "70000"}).find("multiples of 4096"), std::string::npos);
  setenv("REVD_CACHE_SIZE_MB", "5", 1);
  EXPECT_EQ(error_of({}), "--cache-size-mb is \"5\"; allowed: 8 to 1048576");
  unsetenv("REVD_CACHE_SIZE_MB");
  const std::string path = write_file("cache_size_mb = 6\n");
  EXPECT_EQ(error_of({"--config", path.c_str()}), "--cache-size-mb is \"6\"; allowed: 8 to 1048576");
  const std::string unknown = write_file("cache_size = 6\n");
  EXPECT_NE(error_of({"--config", unknown.c_str()}).find("cache_size is no setting"), std::string::npos);
  const std::string broken = write_file("cache_size_mb = \n");
  EXPECT_NE(error_of({"--config", broken.c_str()}).find("line 1"), std::string::npos);
}

TEST_F(SettingsTest, OtherThanLoopbackNeedsInsecure) {
  EXPECT_NE(error_of({"--listen-client", "0.0.0.0:7480"}).find("--insecure"), std::string::npos);
  EXPECT_EQ(error_of({"--listen-client", "0.0.0.0:7480", "--insecure"}), "(fine)");
  EXPECT_EQ(error_of({"--listen-client", "[::1]:0"}), "(fine)");
}

TEST_F(SettingsTest, HelpGroupsTheFlags) {
  const auto line = parse({"--help"});
  ASSERT_TRUE(line.ok());
  for (const char* group : {"General", "Network", "Limits", "Storage", "History and watches", "Log"})
    EXPECT_NE(line->print.find(group), std::string::npos) << group;
  EXPECT_NE(line->print.find("REVD_DATA_DIR"), std::string::npos);
}

TEST_F(SettingsTest, LogLevelsByPart) {
  const auto line = parse({"--log-level", "warning,wal=debug"});
  ASSERT_TRUE(line.ok());
  const ServerLogger logger(line->settings.log);
  EXPECT_TRUE(logger.enabled(LogLevel::kDebug, "wal"));
  EXPECT_FALSE(logger.enabled(LogLevel::kInfo, "door"));
  EXPECT_TRUE(logger.enabled(LogLevel::kWarning, "door"));
  EXPECT_NE(error_of({"--log-level", "loud"}).find("allowed: trace"), std::string::npos);
}

TEST_F(SettingsTest, LogLines) {
  EXPECT_EQ(log_text("wal", "opened", {{"path", "/a b"}, {"n", "1"}}), "wal opened path=\"/a b\" n=1");
  EXPECT_EQ(log_json("wal", "opened", {{"q", "\"x\"\n"}}),
            "\"part\":\"wal\",\"event\":\"opened\",\"q\":\"\\\"x\\\"\\n\"");
}

}  // namespace
}  // namespace revd

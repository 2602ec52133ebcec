#include "base/linux/linux_env.h"

#include <cerrno>

#include "base/linux/system_facts.h"
#include "tests/base/linux/env_fixture.h"

namespace revd {
namespace {

class CollectingLogger final : public Logger {
 public:
  void log(LogLevel level, std::string_view part, std::string_view event,
           std::initializer_list<LogField> fields) override {
    std::string line = str_cat(static_cast<int>(level), " ", part, " ", event);
    for (const LogField& field : fields) line += str_cat(" ", field.key, "=", field.value);
    lines.push_back(std::move(line));
  }
  std::vector<std::string> lines;
};

TEST(LinuxEnv, FallsBackToThreadsWithOneWarningWhereIoUringIsRefused) {
  for (const int refusal : {ENOSYS, EPERM, ENOMEM, EACCES}) {
    SCOPED_TRACE(refusal);
    CollectingLogger logger;
    auto env = LinuxEnv::create({.logger = &logger, .pretend_ring_error = refusal});
    ASSERT_TRUE(env.ok());
    EXPECT_STREQ((*env)->env().disk.name(), "threads");
    ASSERT_EQ(logger.lines.size(), 1U);
    EXPECT_TRUE(logger.lines[0].contains("io_uring is refused")) << logger.lines[0];
    EXPECT_TRUE(logger.lines[0].contains(std::generic_category().message(refusal))) << logger.lines[0];
  }
}

TEST(LinuxEnv, AskedForByNameIoUringDoesNotFallBack) {
  const auto env = LinuxEnv::create({.disk = DiskChoice::kIoUring, .pretend_ring_error = EPERM});
  ASSERT_FALSE(env.ok());
  EXPECT_EQ(env.error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(env.error().text().contains("Operation not permitted")) << env.error().text();
}

TEST(LinuxEnv, ThreadsCanBeAskedForAndWarnOfNothing) {
  CollectingLogger logger;
  auto env = LinuxEnv::create({.disk = DiskChoice::kThreads, .logger = &logger});
  ASSERT_TRUE(env.ok());
  EXPECT_STREQ((*env)->env().disk.name(), "threads");
  EXPECT_TRUE(logger.lines.empty());
}

TEST(LinuxEnv, DiskChoicesAreParsed) {
  EXPECT_EQ(*parse_disk_choice("auto"), DiskChoice::kAuto);
  EXPECT_EQ(*parse_disk_choice("io_uring"), DiskChoice::kIoUring);
  EXPECT_EQ(*parse_disk_choice("threads"), DiskChoice::kThreads);
  const auto wrong = parse_disk_choice("aio");
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().code(), ErrorCode::kInvalidArgument);
}

TEST(LinuxEnv, EachHasItsOwnRandomStream) {
  const auto a = make_env(DiskChoice::kThreads);
  const auto b = make_env(DiskChoice::kThreads);
  EXPECT_NE(a->env().random.next(), b->env().random.next());
}

TEST(LinuxEnv, ClockNeverGoesBack) {
  const auto env = make_env(DiskChoice::kThreads);
  Instant last = env->env().clock.now();
  for (int i = 0; i < 1000; ++i) {
    const Instant now = env->env().clock.now();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_GT(env->env().clock.wall_time_ns(), int64_t{1'700'000'000} * 1'000'000'000);
}

TEST(SystemFacts, AreSane) {
  EXPECT_GT(resident_memory_bytes(), uint64_t{1} << 20);
  const uint64_t before = open_file_limit();
  const auto raised = raise_open_file_limit();
  ASSERT_TRUE(raised.ok());
  EXPECT_GE(*raised, before);
  EXPECT_EQ(open_file_limit(), *raised);
}

}  // namespace
}  // namespace revd

#include "tests/crash/backend_crash.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace revd::crash {
namespace {

uint64_t scaled(uint64_t seeds) {
  const char* scale = std::getenv("REVD_TEST_SCALE");
  return scale == nullptr ? seeds : seeds * std::strtoull(scale, nullptr, 10);
}

TEST(BackendCrash, NothingAcknowledgedIsLostAtAnyIo) {
  CrashReport total;
  for (uint64_t seed = 1000; seed < 1000 + scaled(30); ++seed) {
    const CrashReport report = run_backend_seed(seed, {.operations = 60});
    for (const std::string& finding : report.findings) ADD_FAILURE() << finding;
    total.add(report);
  }
  // The rare states that the test is for were reached.
  EXPECT_GT(total.crash_points, 1000U);
  EXPECT_GT(total.fallbacks, 10U);
  EXPECT_GT(total.continued, 0U);
  EXPECT_GT(total.checkpoints, 10U);
  EXPECT_GT(total.kept_tails, 0U);
  EXPECT_GT(total.torn_tails, 0U);
}

TEST(BackendCrash, TheSameSeedDoesTheSameTwice) {
  const CrashReport first = run_backend_seed(7, {.operations = 20});
  const CrashReport second = run_backend_seed(7, {.operations = 20});
  EXPECT_EQ(first.crash_points, second.crash_points);
  EXPECT_EQ(first.fallbacks, second.fallbacks);
  EXPECT_EQ(first.torn_tails, second.torn_tails);
  EXPECT_EQ(first.kept_tails, second.kept_tails);
}

}  // namespace
}  // namespace revd::crash

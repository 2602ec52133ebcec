// Each storage bug that the crash test must find, and that it finds nothing without them.
#include <gtest/gtest.h>

#include "base/mutant.h"
#include "tests/crash/backend_crash.h"

namespace revd::crash {
namespace {

constexpr uint64_t kSeedsMax = 60;

class BackendMutants : public ::testing::TestWithParam<const char*> {
 protected:
  void TearDown() override { set_active_mutant(""); }
};

TEST_P(BackendMutants, IsFound) {
  set_active_mutant(GetParam());
  for (uint64_t seed = 0; seed < kSeedsMax; ++seed) {
    const CrashReport report = run_backend_seed(seed, {.operations = 80});
    if (report.findings.empty()) continue;
    std::printf("%s: %s\n", GetParam(), report.findings.front().c_str());
    return;
  }
  FAIL() << GetParam() << " not found in " << kSeedsMax << " seeds";
}

INSTANTIATE_TEST_SUITE_P(All, BackendMutants,
                         ::testing::Values("EarlyReuse", "SuperblockBeforePages", "CheckpointBeyondDurable",
                                           "ReleaseBeforeHardState"),
                         [](const auto& test) { return std::string(test.param); });

TEST(BackendMutantsOff, FindNothing) {
  set_active_mutant("");
  for (uint64_t seed = 0; seed < 4; ++seed)
    EXPECT_TRUE(run_backend_seed(seed, {.operations = 40}).findings.empty()) << seed;
}

}  // namespace
}  // namespace revd::crash

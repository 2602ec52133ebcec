#include "tests/btree/crash_run.h"

namespace revd::btree {
namespace {

class PageFileCrash : public ::testing::TestWithParam<uint64_t> {};

TEST_P(PageFileCrash, AtEveryIoLeavesACheckpointExactly) {
  const CrashReport report = CrashRun(GetParam()).run();
  EXPECT_EQ(report.failures, 0u) << report.first_failure;
  EXPECT_GT(report.points, 200u);
  EXPECT_GT(report.fallbacks, 50u);
  std::cout << "seeds=1 crash_points=" << report.points << " failures=" << report.failures << "\n";
}

INSTANTIATE_TEST_SUITE_P(Seeds, PageFileCrash, ::testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace revd::btree

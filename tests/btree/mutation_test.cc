// The crash test must find these bugs, each of which is in the code behind MUTANT().
#include "base/mutant.h"
#include "tests/btree/crash_run.h"

namespace revd::btree {
namespace {

class PageFileMutation : public ::testing::TestWithParam<const char*> {
 protected:
  ~PageFileMutation() override { set_active_mutant(""); }
};

TEST_P(PageFileMutation, IsFoundByCrashes) {
  set_active_mutant(GetParam());
  uint64_t failures = 0;
  for (uint64_t seed = 1; seed <= 4 && failures == 0; ++seed) failures = CrashRun(seed).run().failures;
  EXPECT_GT(failures, 0u);
}

TEST(PageFileWithoutMutant, HasNoFailure) { EXPECT_EQ(CrashRun(1).run().failures, 0u); }

INSTANTIATE_TEST_SUITE_P(Mutants, PageFileMutation, ::testing::Values("EarlyReuse", "SuperblockBeforePages"),
                         [](const auto& mutant) { return std::string(mutant.param); });

}  // namespace
}  // namespace revd::btree

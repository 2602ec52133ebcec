#include "base/random.h"

#include <gtest/gtest.h>

namespace revd {
namespace {

// The simulator's seeds mean something only while these stay the same.
TEST(Random, GoldenSequence) {
  Random random(1);
  const uint64_t first = random.next();
  const uint64_t second = random.next();
  EXPECT_EQ(first, 0xb3f2af6d0fc710c5U);
  EXPECT_EQ(second, 0x853b559647364ceaU);
}

TEST(Random, BelowStaysBelowAndReachesAll) {
  Random random(2);
  bool seen[7] = {};
  for (int i = 0; i < 1000; ++i) seen[random.below(7)] = true;
  for (const bool s : seen) EXPECT_TRUE(s);
}

TEST(Random, ForksDiffer) {
  Random random(3);
  Random a = random.fork();
  Random b = random.fork();
  EXPECT_NE(a.next(), b.next());
}

}  // namespace
}  // namespace revd

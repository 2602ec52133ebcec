#include "base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"

namespace revd {
namespace {

TEST(Histogram, EmptyIsZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.percentile(50), 0U);
  EXPECT_EQ(histogram.min(), 0U);
  EXPECT_EQ(histogram.max(), 0U);
}

TEST(Histogram, ExtremesFit) {
  Histogram histogram;
  histogram.record(0);
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.percentile(1), 0U);
  EXPECT_EQ(histogram.percentile(100), UINT64_MAX);
}

TEST(Histogram, PercentilesAreWithinTheirBound) {
  Random random(11);
  Histogram histogram;
  std::vector<uint64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(random.next() >> random.between(1, 63));
    histogram.record(values.back());
  }
  std::ranges::sort(values);
  for (const double percent : {0.1, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
    const auto rank = static_cast<size_t>(std::ceil(percent / 100 * 20'000.0));
    const uint64_t exact = values[rank - 1];
    EXPECT_GE(histogram.percentile(percent), exact);
    EXPECT_LE(static_cast<double>(histogram.percentile(percent)), static_cast<double>(exact) * 1.016 + 1);
  }
}

TEST(Histogram, MergeAddsUp) {
  Histogram a;
  Histogram b;
  a.record(10);
  b.record(1000);
  a.merge(b);
  EXPECT_EQ(a.count(), 2U);
  EXPECT_EQ(a.sum(), 1010U);
  EXPECT_EQ(a.min(), 10U);
  EXPECT_EQ(a.max(), 1000U);
}

}  // namespace
}  // namespace revd

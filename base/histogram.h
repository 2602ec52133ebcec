// Histogram: counts of values in log-linear buckets, for percentiles with at most 1.6 % error.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace revd {

// Values are non-negative integers in whatever unit the owner says (mostly nanoseconds). Not
// thread-safe: each thread has its own and merge() brings them together. 30 KiB, no allocation.
class Histogram {
 public:
  void record(uint64_t value) {
    ++buckets_[bucket_of(value)];
    ++count_;
    sum_ += value;
    if (value > max_) max_ = value;
    if (value < min_) min_ = value;
  }
  void merge(const Histogram& other);
  void clear() { *this = Histogram(); }

  uint64_t count() const { return count_; }
  uint64_t sum() const { return sum_; }
  uint64_t max() const { return max_; }
  uint64_t min() const { return count_ == 0 ? 0 : min_; }
  double mean() const { return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_); }
  // The value below or at which `percent` (0..100) of all lie: its bucket's upper edge, at most max().
  uint64_t percentile(double percent) const;

 private:
  static constexpr unsigned kSubBits = 6;  // 64 buckets per power of two
  static constexpr size_t kBuckets = (64 - kSubBits + 1) << kSubBits;
  static size_t bucket_of(uint64_t value);
  static uint64_t upper_edge(size_t bucket);

  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  uint64_t max_ = 0;
  uint64_t min_ = UINT64_MAX;
};

}  // namespace revd

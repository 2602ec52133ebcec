// MemoryBudget: how much all connections of a door hold together. Reactor thread only.
#pragma once

#include <cstdint>
#include <utility>

#include "base/check.h"

namespace revd {

class MemoryBudget {
 public:
  explicit MemoryBudget(uint64_t limit_bytes) : limit_(static_cast<int64_t>(limit_bytes)) {}
  int64_t used_bytes() const { return used_; }
  // Negative when more is held than should be.
  int64_t left_bytes() const { return limit_ - used_; }
  bool exceeded() const { return used_ > limit_; }

 private:
  friend class MemoryCharge;
  int64_t limit_;
  int64_t used_ = 0;
};

// One holder's part of a budget, given back when it is destroyed.
class MemoryCharge {
 public:
  explicit MemoryCharge(MemoryBudget& budget) : budget_(budget) {}
  ~MemoryCharge() { set(0); }
  MemoryCharge(const MemoryCharge&) = delete;
  MemoryCharge& operator=(const MemoryCharge&) = delete;
  void set(uint64_t bytes) {
    const auto now = static_cast<int64_t>(bytes);
    budget_.used_ += now - std::exchange(held_, now);
    CHECK(budget_.used_ >= 0);
  }

 private:
  MemoryBudget& budget_;
  int64_t held_ = 0;
};

}  // namespace revd

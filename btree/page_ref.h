// PageRef: a pin on a page in the cache, so that it stays where it is.
//
// Thread rule: the reactor thread. Borrows the cache, which must outlive it. Move-only. Pins are for
// short times: too many at once, and readers are refused (kResourceExhausted).
#pragma once

#include <cstdint>
#include <utility>

namespace revd::btree {

class Cache;

// A frame's number in the cache: its place in units of 8 KiB.
using FrameId = uint32_t;
inline constexpr FrameId kNoFrame = UINT32_MAX;

class PageRef {
 public:
  PageRef() = default;
  // Takes over a pin that the cache has counted already.
  PageRef(Cache& cache, FrameId frame) : cache_(&cache), frame_(frame) {}
  PageRef(PageRef&& other) noexcept : cache_(other.cache_), frame_(std::exchange(other.frame_, kNoFrame)) {}
  PageRef& operator=(PageRef&& other) noexcept {
    if (this != &other) {
      reset();
      cache_ = other.cache_;
      frame_ = std::exchange(other.frame_, kNoFrame);
    }
    return *this;
  }
  ~PageRef() { reset(); }

  explicit operator bool() const { return frame_ != kNoFrame; }
  FrameId frame() const { return frame_; }
  void reset() {
    if (frame_ != kNoFrame) unpin(*cache_, std::exchange(frame_, kNoFrame));
  }

 private:
  static void unpin(Cache& cache, FrameId frame);

  Cache* cache_ = nullptr;
  FrameId frame_ = kNoFrame;
};

}  // namespace revd::btree

// InputBuffer: the bytes of a connection that were read and not yet parsed.
//
// Grows by doubling, only when it is full of one unfinished frame, so that it is never more than
// twice what the peer has really sent (or kSmall): announcing a large frame costs nothing.
// Thread rule: none of its own. Views from unread() hold until consume() or room().
#pragma once

#include <cstddef>
#include <memory>

#include "base/bytes.h"

namespace revd {

class InputBuffer {
 public:
  static constexpr size_t kSmall = 8 * 1024;
  static constexpr size_t kBatch = 64 * 1024;  // it may grow to this for many small frames

  ByteSpan unread() const { return {bytes_.get() + begin_, end_ - begin_}; }
  void consume(size_t count);
  // Free space for the next read, never empty; `frame_bytes` is what the frame at the front needs.
  MutableByteSpan room(size_t frame_bytes);
  // `count` bytes of the last room() were filled.
  void filled(size_t count);
  size_t capacity() const { return capacity_; }

 private:
  void resize(size_t capacity);

  std::unique_ptr<std::byte[]> bytes_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool was_filled_up_ = false;  // by the last read: more may be waiting
};

}  // namespace revd

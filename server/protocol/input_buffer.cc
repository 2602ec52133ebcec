#include "server/protocol/input_buffer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace revd {

void InputBuffer::consume(size_t count) {
  CHECK(count <= end_ - begin_);
  begin_ += count;
  if (begin_ == end_) begin_ = end_ = 0;
}

MutableByteSpan InputBuffer::room(size_t frame_bytes) {
  const size_t held = end_ - begin_;
  if (held == 0 && capacity_ > (was_filled_up_ ? kBatch : kSmall)) resize(0);
  if (capacity_ == 0) {
    resize(kSmall);
  } else if (held == capacity_ || (held == 0 && was_filled_up_ && capacity_ < kBatch)) {
    resize(std::min(capacity_ * 2, std::max({frame_bytes, kBatch, held + 1})));
  } else if (begin_ > 0) {
    std::memmove(bytes_.get(), bytes_.get() + begin_, held);
    begin_ = 0;
    end_ = held;
  }
  return {bytes_.get() + end_, capacity_ - end_};
}

void InputBuffer::filled(size_t count) {
  CHECK(count <= capacity_ - end_);
  end_ += count;
  was_filled_up_ = end_ == capacity_;
}

void InputBuffer::resize(size_t capacity) {
  const size_t held = end_ - begin_;
  CHECK(capacity >= held);
  auto bytes = capacity == 0 ? nullptr : std::make_unique_for_overwrite<std::byte[]>(capacity);
  if (held > 0) std::memcpy(bytes.get(), bytes_.get() + begin_, held);
  bytes_ = std::move(bytes);
  capacity_ = capacity;
  begin_ = 0;
  end_ = held;
}

}  // namespace revd

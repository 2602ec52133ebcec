#include "server/protocol/input_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/random.h"

namespace revd {
namespace {

void fill(InputBuffer& buffer, MutableByteSpan room, std::string_view bytes) {
  std::ranges::copy(as_bytes(bytes), room.begin());
  buffer.filled(bytes.size());
}

TEST(InputBuffer, AnnouncedFrameTakesNoMemoryBeforeItComes) {
  InputBuffer buffer;
  fill(buffer, buffer.room(0), "head");
  (void)buffer.room(1 << 20);
  EXPECT_EQ(buffer.capacity(), InputBuffer::kSmall);
}

TEST(InputBuffer, NeverMoreThanTwiceWhatCame) {
  InputBuffer buffer;
  const size_t frame = 1'000'000;
  size_t held = 0;
  while (held < frame) {
    const MutableByteSpan room = buffer.room(frame);
    const size_t count = std::min({room.size(), frame - held, size_t{5000}});
    fill(buffer, room, std::string(count, static_cast<char>('a' + held % 26)));
    held += count;
    EXPECT_LE(buffer.capacity(), std::max(2 * held, InputBuffer::kSmall));
  }
  EXPECT_EQ(buffer.unread().size(), frame);
  buffer.consume(frame);
  (void)buffer.room(0);
  EXPECT_EQ(buffer.capacity(), InputBuffer::kSmall);
}

TEST(InputBuffer, KeepsTheBytesInOrder) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    InputBuffer buffer;
    std::string held;
    for (int step = 0; step < 500; ++step) {
      const MutableByteSpan room = buffer.room(random.below(100'000));
      ASSERT_FALSE(room.empty());
      std::string bytes(random.chance(1, 3) ? room.size() : random.below(room.size() + 1), '\0');
      random.fill(std::as_writable_bytes(std::span(bytes)));
      fill(buffer, room, bytes);
      held += bytes;
      ASSERT_EQ(as_view(buffer.unread()), held);
      const size_t taken = random.chance(1, 2) ? held.size() : random.below(held.size() + 1);
      buffer.consume(taken);
      held.erase(0, taken);
    }
  }
}

}  // namespace
}  // namespace revd

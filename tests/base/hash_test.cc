#include "base/hash.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace revd {
namespace {

// From xxHash's own specification: a change here would make every file unreadable.
TEST(Hash, GoldenValues) {
  EXPECT_EQ(xxh3_64({}), 0x2d06800538d394c2U);
  EXPECT_EQ(xxh3_128({}).low, 0x6001c324468d497fU);
  EXPECT_EQ(xxh3_128({}).high, 0x99aa06d3014798d8U);
}

TEST(Hash, TheSeedMatters) { EXPECT_NE(xxh3_64(as_bytes("abc"), 1), xxh3_64(as_bytes("abc"), 2)); }

TEST(Hash, StreamingEqualsOneShot) {
  Random random(7);
  std::string text(5000, '\0');
  random.fill({reinterpret_cast<std::byte*>(text.data()), text.size()});
  StreamingHash streaming(42);
  ByteSpan rest = as_bytes(text);
  while (!rest.empty()) {
    const size_t count = std::min<size_t>(rest.size(), random.between(1, 700));
    streaming.update(rest.first(count));
    rest = rest.subspan(count);
  }
  EXPECT_EQ(streaming.digest(), xxh3_64(as_bytes(text), 42));
}

}  // namespace
}  // namespace revd

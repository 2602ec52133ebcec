#include "server/protocol/output_queue.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "server/protocol/frame.h"

namespace revd {
namespace {

std::string take(OutputQueue& queue, size_t* pieces = nullptr) {
  std::string out;
  const auto views = queue.gather();
  for (const ByteSpan view : views) out += as_view(view);
  if (pieces != nullptr) *pieces = views.size();
  queue.written();
  return out;
}

TEST(OutputQueue, SmallMessagesShareAPiece) {
  OutputQueue queue;
  std::string expected;
  for (uint64_t id = 1; id <= 100; ++id) {
    queue.push_message(16, 0, id, "answer", 1024);
    protocol::append_frame(16, 0, id, as_bytes("answer"), expected);
  }
  EXPECT_EQ(queue.bytes(), expected.size());
  size_t pieces = 0;
  EXPECT_EQ(take(queue, &pieces), expected);
  EXPECT_EQ(pieces, 1U);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST(OutputQueue, WhatComesDuringAWriteWaitsForTheNext) {
  OutputQueue queue;
  queue.push_raw("first");
  const auto views = queue.gather();
  queue.push_raw("second");
  EXPECT_EQ(as_view(views[0]), "first");
  queue.written();
  EXPECT_EQ(take(queue), "second");
}

TEST(OutputQueue, RandomMessagesComeOutInOrder) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    OutputQueue queue;
    std::string expected;
    std::string out;
    for (int step = 0; step < 300; ++step) {
      if (random.chance(2, 3)) {
        std::string body(random.chance(1, 10) ? random.below(700'000) : random.below(6000), '\0');
        random.fill(std::as_writable_bytes(std::span(body)));
        protocol::append_message(17, 0, 5, as_bytes(body), 65536, expected);
        queue.push_message(17, 0, 5, std::move(body), 65536);
      } else {
        const std::string written = take(queue);
        EXPECT_LE(written.size(), OutputQueue::kWriteBytesMax);
        out += written;
      }
      ASSERT_EQ(queue.bytes(), expected.size() - out.size());
    }
    while (!queue.empty()) out += take(queue);
    EXPECT_EQ(out, expected);
  }
}

}  // namespace
}  // namespace revd

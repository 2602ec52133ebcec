#include "mvcc/command/key_range.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"

namespace revd {
namespace {

using namespace std::string_literals;

TEST(KeyRange, FormsOfARequest) {
  const KeyRange single = KeyRange::of("b", "");
  EXPECT_TRUE(single.is_single());
  EXPECT_TRUE(single.contains("b"));
  EXPECT_FALSE(single.contains("b\0"s));
  EXPECT_FALSE(single.contains("a"));

  const std::string zero = "\0"s;
  const KeyRange from = KeyRange::of("b", zero);
  EXPECT_FALSE(from.contains("a"));
  EXPECT_TRUE(from.contains("b"));
  EXPECT_TRUE(from.contains("\xff\xff"));
  EXPECT_FALSE(from.empty());

  EXPECT_TRUE(KeyRange::of(zero, zero).contains(zero));
  EXPECT_TRUE(KeyRange::of(zero, zero).contains("\xff"));
  EXPECT_TRUE(KeyRange::all().contains("x"));

  const KeyRange half_open = KeyRange::of("b", "d");
  EXPECT_FALSE(half_open.contains("a"));
  EXPECT_TRUE(half_open.contains("b"));
  EXPECT_TRUE(half_open.contains("c\xff"));
  EXPECT_FALSE(half_open.contains("d"));
  EXPECT_TRUE(half_open.ends_after("a")) << "a scan from below is not at its end";
}

TEST(KeyRange, TurnedAroundIsEmptyNotAnError) {
  EXPECT_TRUE(KeyRange::of("b", "a").empty());
  EXPECT_TRUE(KeyRange::of("b", "b").empty());
  EXPECT_FALSE(KeyRange::of("b", "b").contains("b"));
  EXPECT_FALSE(KeyRange::of("b", "b\0"s).empty());
}

TEST(KeyRange, BytesAreUnsigned) {
  EXPECT_TRUE(KeyRange::of("a", "\xff").contains("\xfe"));
  EXPECT_FALSE(KeyRange::of("\x80", "\x7f").contains("\x80"));
}

TEST(KeyRange, AWatchOfTheEmptyKeyMeansTheSmallest) {
  EXPECT_TRUE(KeyRange::of_watch("", "").contains("\0"s));
  EXPECT_FALSE(KeyRange::of_watch("", "").contains("a"));
  EXPECT_TRUE(KeyRange::of_watch("", "\0"s).contains("a"));
  EXPECT_TRUE(KeyRange::of_watch("", "b").contains("a"));
}

TEST(KeyRange, PrefixEnd) {
  EXPECT_EQ(prefix_end("a"), "b");
  EXPECT_EQ(prefix_end("a\xff"), "b");
  EXPECT_EQ(prefix_end("a\xff\x01"), "a\xff\x02");
  EXPECT_EQ(prefix_end("\xff\xff"), "\0"s);
  EXPECT_EQ(prefix_end(""), "\0"s);
  EXPECT_EQ(prefix_end("\x7f"), "\x80");
}

TEST(KeyRange, OverlapIsHavingAKeyInCommon) {
  // All ranges over a small alphabet, against trying every key of it.
  const std::vector<std::string> keys = {"a", "a\0"s, "a\0\0"s, "ab", "b", "b\0"s, "c"};
  std::vector<std::string> ends = keys;
  ends.insert(ends.end(), {"", "\0"s});
  const auto shared = [&](const KeyRange& one, const KeyRange& other) {
    for (const std::string& key : keys)
      if (one.contains(key) && other.contains(key)) return true;
    return false;
  };
  for (const auto& key1 : keys)
    for (const auto& end1 : ends)
      for (const auto& key2 : keys)
        for (const auto& end2 : ends) {
          const KeyRange one = KeyRange::of(key1, end1);
          const KeyRange other = KeyRange::of(key2, end2);
          EXPECT_EQ(one.overlaps(other), shared(one, other));
        }
}

}  // namespace
}  // namespace revd

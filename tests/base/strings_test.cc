#include "base/strings.h"

#include <gtest/gtest.h>

namespace revd {
namespace {

TEST(Strings, CatTakesTextAndNumbers) {
  EXPECT_EQ(str_cat("a", std::string("b"), std::string_view("c"), 7, uint64_t{8}), "abc78");
}

TEST(Strings, HexIsFixedWidth) { EXPECT_EQ(to_hex(0xab), "00000000000000ab"); }

TEST(Strings, EscapedBytesAreOneLine) { EXPECT_EQ(escape_bytes("a\n\\\xff"), "a\\x0a\\x5c\\xff"); }

}  // namespace
}  // namespace revd

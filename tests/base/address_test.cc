#include <gtest/gtest.h>

#include "base/network.h"

namespace revd {
namespace {

TEST(Address, ParsesWhatItPrints) {
  for (const char* text : {"127.0.0.1:7480", "[::1]:0", "localhost:65535"})
    EXPECT_EQ(Address::parse(text)->to_string(), text);
}

TEST(Address, RefusesTheRestWithAReason) {
  for (const char* text : {"", "host", "host:", ":1", "host:65536", "host:-1", "host:1x", "::1:80"}) {
    const auto parsed = Address::parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(parsed.error().text().find("expected host:port"), std::string::npos);
  }
}

}  // namespace
}  // namespace revd

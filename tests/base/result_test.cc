#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace revd {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Error(ErrorCode::kInvalidArgument, "odd");
  return number / 2;
}

Result<std::unique_ptr<int>> quarter(int number) {
  TRY_ASSIGN(const int once, half(number));
  TRY_ASSIGN(const int twice, half(once));
  return std::make_unique<int>(twice);
}

Status check(int number) {
  TRY(quarter(number));
  return {};
}

TEST(Result, ValuesAndErrorsPassThroughTry) {
  EXPECT_EQ(**quarter(8), 2);
  EXPECT_EQ(quarter(6).error().text(), "odd");
  EXPECT_TRUE(check(4).ok());
  EXPECT_EQ(check(2).error().code(), ErrorCode::kInvalidArgument);
}

TEST(Result, AnErrorNamesItsPlace) {
  const Error error(ErrorCode::kDataLoss, "gone");
  EXPECT_EQ(error.describe().substr(0, 31), "DataLoss: gone (result_test.cc:");
}

TEST(ResultDeathTest, TheValueOfAnErrorIsACheck) {
  EXPECT_DEATH({ (void)half(3).value(); }, "InvalidArgument: odd");
}

}  // namespace
}  // namespace revd

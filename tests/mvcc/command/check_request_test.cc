#include "mvcc/command/check_request.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "mvcc/command/errors.h"

namespace revd {
namespace {

using namespace std::string_literals;

std::optional<ApiError> problem(const Status& status) {
  return status.ok() ? std::nullopt : as_api_error(status.error());
}

RequestOp put(std::string key) { return {PutRequest{.key = std::move(key)}}; }
RequestOp erase(std::string key, std::string end = "") {
  return {DeleteRangeRequest{.key = std::move(key), .range_end = std::move(end)}};
}
RequestOp get(std::string key) { return {RangeRequest{.key = std::move(key)}}; }
RequestOp nested(std::vector<RequestOp> success, std::vector<RequestOp> failure = {}) {
  return {TxnRequest{.compare = {}, .success = std::move(success), .failure = std::move(failure)}};
}
std::optional<ApiError> branch(std::vector<RequestOp> operations, uint32_t limit = 128) {
  const auto first = problem(check_txn({.compare = {}, .success = operations, .failure = {}}, limit));
  const auto second =
      problem(check_txn({.compare = {}, .success = {}, .failure = std::move(operations)}, limit));
  EXPECT_EQ(first, second) << "both branches are checked alike";
  return first;
}

TEST(CheckRequest, KeysMustBeGiven) {
  EXPECT_EQ(problem(check_put({})), ApiError::kKeyNotProvided);
  EXPECT_EQ(problem(check_range({})), ApiError::kKeyNotProvided);
  EXPECT_EQ(problem(check_delete_range({})), ApiError::kKeyNotProvided);
  EXPECT_EQ(problem(check_txn({.compare = {Compare{}}, .success = {}, .failure = {}}, 128)),
            ApiError::kKeyNotProvided);
  EXPECT_EQ(branch({nested({get("")})}), ApiError::kKeyNotProvided);
  EXPECT_EQ(problem(check_put({.key = "k"})), std::nullopt);
}

TEST(CheckRequest, IgnoringExcludesGiving) {
  EXPECT_EQ(problem(check_put({.key = "k", .value = "v", .ignore_value = true})), ApiError::kValueProvided);
  EXPECT_EQ(problem(check_put({.key = "k", .lease = LeaseId(1), .ignore_lease = true})),
            ApiError::kLeaseProvided);
  EXPECT_EQ(problem(check_put({.key = "k", .ignore_lease = true, .ttl_ms = 5000})), ApiError::kLeaseProvided);
  EXPECT_EQ(problem(check_put({.key = "k", .ignore_value = true, .ignore_lease = true})), std::nullopt);
}

TEST(CheckRequest, SortOptionsAreKnownOnes) {
  EXPECT_EQ(problem(check_range({.key = "k", .sort_order = static_cast<SortOrder>(3)})),
            ApiError::kInvalidSortOption);
  EXPECT_EQ(problem(check_range({.key = "k", .sort_target = static_cast<SortTarget>(5)})),
            ApiError::kInvalidSortOption);
  EXPECT_EQ(problem(check_range(
                {.key = "k", .sort_order = SortOrder::kDescend, .sort_target = SortTarget::kValue})),
            std::nullopt);
}

TEST(CheckRequest, AnEmptyOperationIsNotFound) { EXPECT_EQ(branch({RequestOp{}}), ApiError::kKeyNotFound); }

TEST(CheckRequest, EachListHasALimit) {
  const std::vector<RequestOp> gets(3, get("k"));
  EXPECT_EQ(branch(gets, 3), std::nullopt);
  EXPECT_EQ(branch(gets, 2), ApiError::kTooManyOperations);
  EXPECT_EQ(
      problem(check_txn({.compare = std::vector<Compare>(3, {.key = "k"}), .success = {}, .failure = {}}, 2)),
      ApiError::kTooManyOperations);
}

TEST(CheckRequest, ANestedTransactionGetsWhatItsParentLeaves) {
  // The parent's longest list has 2 operations: 3 are left of 5.
  const std::vector<RequestOp> three(3, get("k"));
  const std::vector<RequestOp> four(4, get("k"));
  EXPECT_EQ(branch({nested(three), get("a")}, 5), std::nullopt);
  EXPECT_EQ(branch({nested(four), get("a")}, 5), ApiError::kTooManyOperations);
  // A long list of compares counts as well.
  TxnRequest txn{.compare = std::vector<Compare>(3, {.key = "k"}), .success = {nested(three)}, .failure = {}};
  EXPECT_EQ(problem(check_txn(txn, 5)), ApiError::kTooManyOperations);
  EXPECT_EQ(problem(check_txn(txn, 6)), std::nullopt);
}

TEST(CheckRequest, PutsOfOneKeyConflict) {
  EXPECT_EQ(branch({put("a"), put("b")}), std::nullopt);
  EXPECT_EQ(branch({put("a"), put("a")}), ApiError::kDuplicateKey);
}

TEST(CheckRequest, PutAndDeleteConflictWhateverTheirOrder) {
  EXPECT_EQ(branch({put("a"), erase("a")}), ApiError::kDuplicateKey);
  EXPECT_EQ(branch({erase("a"), put("a")}), ApiError::kDuplicateKey);
  EXPECT_EQ(branch({erase("a", "c"), put("b")}), ApiError::kDuplicateKey);
  EXPECT_EQ(branch({erase("a", "c"), put("c")}), std::nullopt);
  EXPECT_EQ(branch({erase("a", "c"), erase("c", "e"), erase("b", "d"), put("d")}), ApiError::kDuplicateKey);
  EXPECT_EQ(branch({erase("a", "b"), erase("d", "e"), put("c")}), std::nullopt);
}

TEST(CheckRequest, DeletesMayOverlap) {
  EXPECT_EQ(branch({erase("a"), erase("a"), erase("a", "c"), nested({erase("a", "b")})}), std::nullopt);
}

TEST(CheckRequest, ADeleteFromAKeyOnOrOfNothingConflictsWithNothing) {
  EXPECT_EQ(branch({erase("a", "\0"s), put("b"), put("a")}), std::nullopt);
  EXPECT_EQ(branch({erase("\0"s, "\0"s), put("b")}), std::nullopt);
  EXPECT_EQ(branch({erase("c", "a"), put("b"), put("c")}), std::nullopt);
}

TEST(CheckRequest, ANestedTransactionsBranchesExcludeEachOther) {
  EXPECT_EQ(branch({nested({put("a")}, {put("a")})}), std::nullopt);
  EXPECT_EQ(branch({nested({put("a")}, {erase("a")})}), std::nullopt);
  EXPECT_EQ(branch({nested({put("a")}, {put("a")}), put("a")}), ApiError::kDuplicateKey);
  EXPECT_EQ(branch({nested({}, {put("a")}), put("a")}), ApiError::kDuplicateKey);
  EXPECT_EQ(branch({nested({put("a")}), nested({}, {put("a")})}), ApiError::kDuplicateKey);
}

TEST(CheckRequest, NestedDeletesCountForWhatComesAfterThem) {
  // Own deletes, then each nested transaction in order, then own puts.
  EXPECT_EQ(branch({nested({put("a")}), nested({erase("a")})}), std::nullopt);
  EXPECT_EQ(branch({nested({erase("a")}), nested({put("a")})}), ApiError::kDuplicateKey);
  EXPECT_EQ(branch({nested({put("a")}), erase("a")}), ApiError::kDuplicateKey);
  EXPECT_EQ(branch({put("a"), nested({erase("a", "b")})}), ApiError::kDuplicateKey);
  EXPECT_EQ(branch({nested({nested({erase("a", "c")})}), nested({put("b")})}), ApiError::kDuplicateKey);
}

TEST(CheckRequest, TooManyOperationsComesBeforeDuplicates) {
  EXPECT_EQ(branch({put("a"), put("a"), put("a")}, 2), ApiError::kTooManyOperations);
  EXPECT_EQ(branch({put("a"), put("a"), put("")}), ApiError::kKeyNotProvided);
}

TEST(CheckRequest, Size) {
  EXPECT_EQ(problem(check_size(1536 * 1024, {})), std::nullopt);
  EXPECT_EQ(problem(check_size(1536 * 1024 + 1, {})), ApiError::kRequestTooLarge);
}

TEST(CheckRequest, LeaseTtlsAreRaisedOrRefused) {
  EXPECT_EQ(*lease_ttl_to_grant_ms(1, 2000), 2000);
  EXPECT_EQ(*lease_ttl_to_grant_ms(-1, 2000), 2000);
  EXPECT_EQ(*lease_ttl_to_grant_ms(2500, 2000), 2500);
  EXPECT_EQ(*lease_ttl_to_grant_ms(kLeaseTtlMaxMs, 2000), kLeaseTtlMaxMs);
  EXPECT_TRUE(
      is_api_error(lease_ttl_to_grant_ms(kLeaseTtlMaxMs + 1, 2000).error(), ApiError::kLeaseTtlTooLarge));
}

}  // namespace
}  // namespace revd

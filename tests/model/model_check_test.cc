#include "tests/model/model_check.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "base/random.h"
#include "mvcc/command/check_request.h"
#include "mvcc/command/errors.h"
#include "mvcc/command/key_range.h"

namespace revd {
namespace {

// Few keys and short lists, so that conflicts are neither rare nor certain.
std::string random_key(Random& random) {
  static const std::string kKeys[] = {"a", "ab", "b", "c", "d", "\xff"};
  if (random.chance(1, 60)) return "";
  return kKeys[random.below(std::size(kKeys))];
}

std::string random_end(Random& random) {
  switch (random.below(4)) {
    case 0: return std::string(1, '\0');
    case 1: return random_key(random);
    default: return "";
  }
}

TxnRequest random_txn(Random& random, int depth);

void random_branch(Random& random, int depth, std::vector<RequestOp>& branch) {
  for (uint64_t n = random.below(4); n > 0; --n) {
    RequestOp& op = branch.emplace_back();
    switch (random.below(depth > 0 ? 5 : 4)) {
      case 0: op.one_of = RangeRequest{.key = random_key(random)}; break;
      case 1:
        op.one_of = DeleteRangeRequest{.key = random_key(random), .range_end = random_end(random)};
        break;
      case 4: op.one_of = random_txn(random, depth - 1); break;
      default:
        op.one_of = PutRequest{.key = random_key(random),
                               .value = random.chance(1, 4) ? "v" : "",
                               .lease = LeaseId(random.chance(1, 8) ? 1 : 0),
                               .ignore_value = random.chance(1, 16),
                               .ignore_lease = random.chance(1, 16)};
    }
  }
}

TxnRequest random_txn(Random& random, int depth) {
  TxnRequest txn;
  for (uint64_t n = random.below(3); n > 0; --n) txn.compare.push_back({.key = random_key(random)});
  random_branch(random, depth, txn.success);
  random_branch(random, depth, txn.failure);
  return txn;
}

std::optional<ApiError> problem(const Status& status) {
  return status.ok() ? std::nullopt : as_api_error(status.error());
}

TEST(ModelCheck, AgreesWithTheRealChecks) {
  std::map<std::optional<ApiError>, int> seen;
  for (uint64_t seed = 1; seed <= 30'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const TxnRequest txn = random_txn(random, 3);
    const auto limit = static_cast<uint32_t>(3 + random.below(8));
    const auto expected = problem(model_check_txn(txn, limit));
    ASSERT_EQ(problem(check_txn(txn, limit)), expected);
    ++seen[expected];
  }
  // Each outcome was met often.
  for (const std::optional<ApiError> outcome :
       {std::optional<ApiError>(), std::optional(ApiError::kDuplicateKey),
        std::optional(ApiError::kKeyNotProvided), std::optional(ApiError::kTooManyOperations),
        std::optional(ApiError::kValueProvided), std::optional(ApiError::kLeaseProvided)})
    EXPECT_GE(seen[outcome], 100);
}

TEST(ModelCheck, AgreesAboutRanges) {
  for (uint64_t seed = 1; seed <= 5000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::string key = random_key(random);
    const std::string end = random_end(random);
    const std::string candidate = random_key(random);
    ASSERT_EQ(KeyRange::of(key, end).contains(candidate), model_in_range(key, end, candidate));
  }
}

}  // namespace
}  // namespace revd

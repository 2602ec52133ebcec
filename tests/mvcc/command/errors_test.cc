#include "mvcc/command/errors.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "mvcc/command/responses.h"

namespace revd {
namespace {

// The table of the design, written a second time.
TEST(Errors, TheTableIsEtcds) {
  const std::map<std::string, ErrorCode> expected = {
      {"etcdserver: key is not provided", ErrorCode::kInvalidArgument},
      {"etcdserver: key not found", ErrorCode::kInvalidArgument},
      {"etcdserver: value is provided", ErrorCode::kInvalidArgument},
      {"etcdserver: lease is provided", ErrorCode::kInvalidArgument},
      {"etcdserver: too many operations in txn request", ErrorCode::kInvalidArgument},
      {"etcdserver: duplicate key given in txn request", ErrorCode::kInvalidArgument},
      {"etcdserver: invalid sort option", ErrorCode::kInvalidArgument},
      {"etcdserver: request is too large", ErrorCode::kInvalidArgument},
      {"etcdserver: mvcc: required revision has been compacted", ErrorCode::kOutOfRange},
      {"etcdserver: mvcc: required revision is a future revision", ErrorCode::kOutOfRange},
      {"etcdserver: too large lease TTL", ErrorCode::kOutOfRange},
      {"etcdserver: requested lease not found", ErrorCode::kNotFound},
      {"etcdserver: lease already exists", ErrorCode::kFailedPrecondition},
      {"etcdserver: not leader", ErrorCode::kFailedPrecondition},
      {"etcdserver: session expired", ErrorCode::kFailedPrecondition},
      {"etcdserver: mvcc: database space exceeded", ErrorCode::kResourceExhausted},
      {"etcdserver: too many requests", ErrorCode::kResourceExhausted},
      {"etcdserver: no leader", ErrorCode::kUnavailable},
      {"etcdserver: leader changed", ErrorCode::kUnavailable},
      {"etcdserver: request timed out", ErrorCode::kUnavailable},
      {"etcdserver: server stopped", ErrorCode::kUnavailable},
      {"etcdserver: corrupt cluster", ErrorCode::kDataLoss},
  };
  std::map<std::string, ErrorCode> actual;
  for (const ApiErrorRow& row : api_errors()) {
    const Error error = api_error(row.error);
    EXPECT_EQ(error.text(), row.text);
    EXPECT_EQ(as_api_error(error), row.error) << "the rows stand in the enumeration's order";
    actual[error.text()] = error.code();
  }
  EXPECT_EQ(actual, expected);
}

TEST(Errors, EveryStorageErrorHasACode) {
  const std::map<StorageError, ErrorCode> expected = {
      {StorageError::kNotFound, ErrorCode::kNotFound},
      {StorageError::kConflict, ErrorCode::kFailedPrecondition},
      {StorageError::kInvalidArgument, ErrorCode::kInvalidArgument},
      {StorageError::kMvcc, ErrorCode::kOutOfRange},
      {StorageError::kBackend, ErrorCode::kDataLoss},
      {StorageError::kResourceExhausted, ErrorCode::kResourceExhausted},
      {StorageError::kUnavailable, ErrorCode::kUnavailable},
  };
  std::set<StorageError> tried;
  for (const StorageError kind : kAllStorageErrors) {
    EXPECT_EQ(code_of(kind), expected.at(kind));
    tried.insert(kind);
  }
  EXPECT_EQ(tried.size(), expected.size());
}

TEST(Errors, CompactedCarriesItsRevisionApartFromTheText) {
  const Error error = compacted_error(42);
  EXPECT_EQ(error.text(), "etcdserver: mvcc: required revision has been compacted");
  EXPECT_EQ(error.detail(), "compact_revision=42");
  EXPECT_TRUE(is_api_error(error, ApiError::kCompacted));
  EXPECT_EQ(compact_revision_of(error), 42);
  EXPECT_EQ(compact_revision_of(ErrorAnswer::from(error).to_error()), 42);
  EXPECT_EQ(compact_revision_of(api_error(ApiError::kCompacted)), std::nullopt);
  EXPECT_EQ(compact_revision_of(api_error(ApiError::kFutureRevision).with_detail("compact_revision=3")),
            std::nullopt);
  EXPECT_EQ(compact_revision_of(api_error(ApiError::kCompacted).with_detail("compact_revision=3x")),
            std::nullopt);
}

TEST(Errors, NotLeaderNamesTheLeaderIfKnown) {
  const Error error = not_leader_error("10.0.0.7:7480");
  EXPECT_EQ(leader_of(error), "10.0.0.7:7480");
  EXPECT_EQ(leader_of(not_leader_error("")), std::nullopt);
  EXPECT_TRUE(is_api_error(not_leader_error(""), ApiError::kNotLeader));
}

TEST(Errors, ForeignErrorsAreNotInTheTable) {
  EXPECT_EQ(as_api_error(Error(ErrorCode::kInternal, "etcdserver: key not found")), std::nullopt);
  EXPECT_EQ(as_api_error(Error(ErrorCode::kInvalidArgument, "key not found")), std::nullopt);
}

}  // namespace
}  // namespace revd

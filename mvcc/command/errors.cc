#include "mvcc/command/errors.h"

#include <array>
#include <charconv>
#include <string>

#include "base/strings.h"

namespace revd {
namespace {

constexpr std::array kRows = {
    ApiErrorRow{ApiError::kKeyNotProvided, StorageError::kInvalidArgument, "etcdserver: key is not provided"},
    ApiErrorRow{ApiError::kKeyNotFound, StorageError::kInvalidArgument, "etcdserver: key not found"},
    ApiErrorRow{ApiError::kValueProvided, StorageError::kInvalidArgument, "etcdserver: value is provided"},
    ApiErrorRow{ApiError::kLeaseProvided, StorageError::kInvalidArgument, "etcdserver: lease is provided"},
    ApiErrorRow{ApiError::kTooManyOperations, StorageError::kInvalidArgument,
                "etcdserver: too many operations in txn request"},
    ApiErrorRow{ApiError::kDuplicateKey, StorageError::kInvalidArgument,
                "etcdserver: duplicate key given in txn request"},
    ApiErrorRow{ApiError::kInvalidSortOption, StorageError::kInvalidArgument,
                "etcdserver: invalid sort option"},
    ApiErrorRow{ApiError::kRequestTooLarge, StorageError::kInvalidArgument,
                "etcdserver: request is too large"},
    ApiErrorRow{ApiError::kCompacted, StorageError::kMvcc,
                "etcdserver: mvcc: required revision has been compacted"},
    ApiErrorRow{ApiError::kFutureRevision, StorageError::kMvcc,
                "etcdserver: mvcc: required revision is a future revision"},
    ApiErrorRow{ApiError::kLeaseTtlTooLarge, StorageError::kMvcc, "etcdserver: too large lease TTL"},
    ApiErrorRow{ApiError::kLeaseNotFound, StorageError::kNotFound, "etcdserver: requested lease not found"},
    ApiErrorRow{ApiError::kLeaseExists, StorageError::kConflict, "etcdserver: lease already exists"},
    ApiErrorRow{ApiError::kNotLeader, StorageError::kConflict, "etcdserver: not leader"},
    ApiErrorRow{ApiError::kSessionExpired, StorageError::kConflict, "etcdserver: session expired"},
    ApiErrorRow{ApiError::kNoSpace, StorageError::kResourceExhausted,
                "etcdserver: mvcc: database space exceeded"},
    ApiErrorRow{ApiError::kTooManyRequests, StorageError::kResourceExhausted,
                "etcdserver: too many requests"},
    ApiErrorRow{ApiError::kNoLeader, StorageError::kUnavailable, "etcdserver: no leader"},
    ApiErrorRow{ApiError::kLeaderChanged, StorageError::kUnavailable, "etcdserver: leader changed"},
    ApiErrorRow{ApiError::kTimeout, StorageError::kUnavailable, "etcdserver: request timed out"},
    ApiErrorRow{ApiError::kStopped, StorageError::kUnavailable, "etcdserver: server stopped"},
    ApiErrorRow{ApiError::kCorrupt, StorageError::kBackend, "etcdserver: corrupt cluster"},
};

constexpr std::string_view kCompactDetail = "compact_revision=";
constexpr std::string_view kLeaderDetail = "leader=";

}  // namespace

ErrorCode code_of(StorageError kind) {
  switch (kind) {
    case StorageError::kNotFound: return ErrorCode::kNotFound;
    case StorageError::kConflict: return ErrorCode::kFailedPrecondition;
    case StorageError::kInvalidArgument: return ErrorCode::kInvalidArgument;
    case StorageError::kMvcc: return ErrorCode::kOutOfRange;
    case StorageError::kBackend: return ErrorCode::kDataLoss;
    case StorageError::kResourceExhausted: return ErrorCode::kResourceExhausted;
    case StorageError::kUnavailable: return ErrorCode::kUnavailable;
  }
  return ErrorCode::kUnknown;
}

std::span<const ApiErrorRow> api_errors() { return kRows; }

Error api_error(ApiError error, std::source_location where) {
  const ApiErrorRow& row = kRows.at(static_cast<size_t>(error));
  return Error(code_of(row.kind), std::string(row.text), where);
}

Error compacted_error(int64_t compact_revision, std::source_location where) {
  return api_error(ApiError::kCompacted, where).with_detail(str_cat(kCompactDetail, compact_revision));
}

Error not_leader_error(std::string_view leader, std::source_location where) {
  Error error = api_error(ApiError::kNotLeader, where);
  if (leader.empty()) return error;
  return std::move(error).with_detail(str_cat(kLeaderDetail, leader));
}

std::optional<ApiError> as_api_error(const Error& error) {
  for (const ApiErrorRow& row : kRows)
    if (error.code() == code_of(row.kind) && error.text() == row.text) return row.error;
  return std::nullopt;
}

bool is_api_error(const Error& error, ApiError which) { return as_api_error(error) == which; }

std::optional<int64_t> compact_revision_of(const Error& error) {
  std::string_view detail = error.detail();
  if (!is_api_error(error, ApiError::kCompacted) || !detail.starts_with(kCompactDetail)) return std::nullopt;
  detail.remove_prefix(kCompactDetail.size());
  int64_t revision = 0;
  const auto [end, failure] = std::from_chars(detail.data(), detail.data() + detail.size(), revision);
  if (failure != std::errc{} || end != detail.data() + detail.size()) return std::nullopt;
  return revision;
}

std::optional<std::string_view> leader_of(const Error& error) {
  std::string_view detail = error.detail();
  if (!is_api_error(error, ApiError::kNotLeader) || !detail.starts_with(kLeaderDetail)) return std::nullopt;
  detail.remove_prefix(kLeaderDetail.size());
  return detail;
}

}  // namespace revd

// The errors that clients see: etcd's texts, word for word, with their codes.
//
// Clients match on the text, so nothing is ever added to it; what a program wants besides (the
// compact revision, the leader's address) is Error::detail(). Pure functions.
// The table: README.md of mvcc.
#pragma once

#include <cstdint>
#include <optional>
#include <source_location>
#include <span>
#include <string_view>

#include "base/result.h"

namespace revd {

// What kind of failure a caller of MvccStore has met.
enum class StorageError : uint8_t {
  kNotFound,           // what was named isn't there
  kConflict,           // the state doesn't allow it
  kInvalidArgument,    // the request itself is wrong
  kMvcc,               // the revision (or the ttl) is outside what there is
  kBackend,            // the data on disk is damaged
  kResourceExhausted,  // a quota or a limit of load
  kUnavailable,        // try again, perhaps elsewhere
};
inline constexpr StorageError kAllStorageErrors[] = {
    StorageError::kNotFound,   StorageError::kConflict, StorageError::kInvalidArgument,
    StorageError::kMvcc,       StorageError::kBackend,  StorageError::kResourceExhausted,
    StorageError::kUnavailable};

ErrorCode code_of(StorageError kind);

enum class ApiError : uint8_t {
  kKeyNotProvided,
  kKeyNotFound,
  kValueProvided,
  kLeaseProvided,
  kTooManyOperations,
  kDuplicateKey,
  kInvalidSortOption,
  kRequestTooLarge,
  kCompacted,
  kFutureRevision,
  kLeaseTtlTooLarge,
  kLeaseNotFound,
  kLeaseExists,
  kNotLeader,
  kSessionExpired,
  kNoSpace,
  kTooManyRequests,
  kNoLeader,
  kLeaderChanged,
  kTimeout,
  kStopped,
  kCorrupt,
};

struct ApiErrorRow {
  ApiError error;
  StorageError kind;
  std::string_view text;  // with its "etcdserver: "
};

// Every ApiError once, in the enumeration's order.
std::span<const ApiErrorRow> api_errors();

Error api_error(ApiError error, std::source_location where = std::source_location::current());
// kCompacted with the detail "compact_revision=N".
Error compacted_error(int64_t compact_revision, std::source_location where = std::source_location::current());
// kNotLeader with the detail "leader=ADDRESS", which is left out if it isn't known (empty).
Error not_leader_error(std::string_view leader, std::source_location where = std::source_location::current());

// Which row of the table an error is: its code and text, whatever its detail.
std::optional<ApiError> as_api_error(const Error& error);
bool is_api_error(const Error& error, ApiError which);
// The detail of a compacted_error.
std::optional<int64_t> compact_revision_of(const Error& error);
// The detail of a not_leader_error; a view into `error`.
std::optional<std::string_view> leader_of(const Error& error);

// Why a watch was refused or ended; these texts have no prefix in etcd.
inline constexpr std::string_view kWatchRangeEmpty = "mvcc: watcher range is empty";
inline constexpr std::string_view kWatchDuplicateId = "mvcc: duplicate watch ID provided on the WatchStream";
// A negative start revision: the text of kCompacted.
inline constexpr std::string_view kWatchStartNegative =
    "etcdserver: mvcc: required revision has been compacted";

}  // namespace revd

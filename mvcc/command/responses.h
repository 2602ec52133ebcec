// What is answered, as plain structs: etcd's v3 responses, with leases in milliseconds.
//
// `revision` is the header's: of the snapshot that was read, or just after the write. The services
// add cluster, member, term and applied index. In the answers nested in a transaction's it is 0.
// fields() lists the wire order (struct_codec.h); every default is zero or empty.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "base/result.h"
#include "mvcc/command/types.h"

namespace revd {

// An error that travels: status code, the exact text, and details apart from it (errors.h).
struct ErrorAnswer {
  ErrorCode code{};
  std::string text{};
  std::string detail{};  // "name=value", or empty

  static ErrorAnswer from(const Error& error) { return {error.code(), error.text(), error.detail()}; }
  // A code that this build doesn't know (or 0) becomes kUnknown.
  Error to_error() const {
    const bool known = code >= ErrorCode::kCancelled && code <= ErrorCode::kUnauthenticated;
    return Error(known ? code : ErrorCode::kUnknown, text).with_detail(detail);
  }

  static constexpr auto fields() {
    return std::tuple(&ErrorAnswer::code, &ErrorAnswer::text, &ErrorAnswer::detail);
  }
  friend bool operator==(const ErrorAnswer&, const ErrorAnswer&) = default;
};

// The answer of a command that has nothing but its revision to tell.
struct EmptyResponse {
  int64_t revision = 0;

  static constexpr auto fields() { return std::tuple(&EmptyResponse::revision); }
  friend bool operator==(const EmptyResponse&, const EmptyResponse&) = default;
};

struct PutResponse {
  int64_t revision = 0;
  std::optional<KeyValue> prev_kv{};
  LeaseId lease{};  // of a put with its own ttl: the lease that was made

  static constexpr auto fields() {
    return std::tuple(&PutResponse::revision, &PutResponse::prev_kv, &PutResponse::lease);
  }
  friend bool operator==(const PutResponse&, const PutResponse&) = default;
};

struct RangeResponse {
  int64_t revision = 0;
  std::vector<KeyValue> kvs{};
  bool more = false;  // the limit cut the answer
  int64_t count = 0;  // all matches, whatever the limit and the revision filters

  static constexpr auto fields() {
    using Self = RangeResponse;
    return std::tuple(&Self::revision, &Self::kvs, &Self::more, &Self::count);
  }
  friend bool operator==(const RangeResponse&, const RangeResponse&) = default;
};
using RangeResult = RangeResponse;

struct DeleteRangeResponse {
  int64_t revision = 0;
  int64_t deleted = 0;
  std::vector<KeyValue> prev_kvs{};

  static constexpr auto fields() {
    using Self = DeleteRangeResponse;
    return std::tuple(&Self::revision, &Self::deleted, &Self::prev_kvs);
  }
  friend bool operator==(const DeleteRangeResponse&, const DeleteRangeResponse&) = default;
};

struct ResponseOp;

struct TxnResponse {
  int64_t revision = 0;
  bool succeeded = false;  // the compares held
  std::vector<ResponseOp> responses;

  static constexpr auto fields() {
    return std::tuple(&TxnResponse::revision, &TxnResponse::succeeded, &TxnResponse::responses);
  }
  friend bool operator==(const TxnResponse& a, const TxnResponse& b);
};

// The answer of one operation of a transaction; the same order as RequestOp's.
struct ResponseOp {
  std::variant<std::monostate, PutResponse, RangeResponse, DeleteRangeResponse, TxnResponse> one_of{};

  friend bool operator==(const ResponseOp&, const ResponseOp&) = default;
};

inline bool operator==(const TxnResponse& a, const TxnResponse& b) {
  return a.revision == b.revision && a.succeeded == b.succeeded && a.responses == b.responses;
}

struct CompactResponse {
  int64_t revision = 0;

  static constexpr auto fields() { return std::tuple(&CompactResponse::revision); }
  friend bool operator==(const CompactResponse&, const CompactResponse&) = default;
};

struct LeaseGrantResponse {
  int64_t revision = 0;
  LeaseId id{};
  int64_t ttl_ms = 0;  // as granted, perhaps raised to the minimum

  static constexpr auto fields() {
    using Self = LeaseGrantResponse;
    return std::tuple(&Self::revision, &Self::id, &Self::ttl_ms);
  }
  friend bool operator==(const LeaseGrantResponse&, const LeaseGrantResponse&) = default;
};

struct LeaseRevokeResponse {
  int64_t revision = 0;

  static constexpr auto fields() { return std::tuple(&LeaseRevokeResponse::revision); }
  friend bool operator==(const LeaseRevokeResponse&, const LeaseRevokeResponse&) = default;
};

struct LeaseKeepAliveResponse {
  int64_t revision = 0;
  std::vector<int64_t> ttls_ms{};  // one per id asked for, in that order; 0: no such lease

  static constexpr auto fields() {
    return std::tuple(&LeaseKeepAliveResponse::revision, &LeaseKeepAliveResponse::ttls_ms);
  }
  friend bool operator==(const LeaseKeepAliveResponse&, const LeaseKeepAliveResponse&) = default;
};

struct LeaseTimeToLiveResponse {
  int64_t revision = 0;
  LeaseId id{};
  int64_t ttl_ms = 0;          // what remains; -1: no such lease
  int64_t granted_ttl_ms = 0;  // 0: no such lease
  std::vector<std::string> keys{};

  static constexpr auto fields() {
    using Self = LeaseTimeToLiveResponse;
    return std::tuple(&Self::revision, &Self::id, &Self::ttl_ms, &Self::granted_ttl_ms, &Self::keys);
  }
  friend bool operator==(const LeaseTimeToLiveResponse&, const LeaseTimeToLiveResponse&) = default;
};

struct LeaseLeasesResponse {
  int64_t revision = 0;
  std::vector<LeaseId> ids{};  // ascending

  static constexpr auto fields() {
    return std::tuple(&LeaseLeasesResponse::revision, &LeaseLeasesResponse::ids);
  }
  friend bool operator==(const LeaseLeasesResponse&, const LeaseLeasesResponse&) = default;
};

// A message on a watch: that it was created, cancelled, events, or progress (no events, nothing set).
struct WatchResponse {
  int64_t revision = 0;  // progress: every event up to it was delivered
  WatchId watch_id{};
  bool created = false;
  bool canceled = false;
  std::string cancel_reason{};
  int64_t compact_revision = 0;  // cancelled because the history needed was compacted up to here
  bool fragment = false;         // more of the same revision follows
  std::vector<Event> events{};

  static constexpr auto fields() {
    using Self = WatchResponse;
    return std::tuple(&Self::revision, &Self::watch_id, &Self::created, &Self::canceled, &Self::cancel_reason,
                      &Self::compact_revision, &Self::fragment, &Self::events);
  }
  friend bool operator==(const WatchResponse&, const WatchResponse&) = default;
};

struct SessionOpenResponse {
  int64_t revision = 0;
  SessionId id{};

  static constexpr auto fields() {
    return std::tuple(&SessionOpenResponse::revision, &SessionOpenResponse::id);
  }
  friend bool operator==(const SessionOpenResponse&, const SessionOpenResponse&) = default;
};

}  // namespace revd

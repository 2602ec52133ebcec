// What a client asks for, as plain structs: etcd's v3 requests, with leases in milliseconds.
//
// Values, owned; they carry no connection, principal or deadline (the services add those). Nothing
// here is checked: check_request.h does that. fields() lists the wire order (struct_codec.h); every
// default is zero or empty. Revisions: 0 means "the current one" or "no bound", as said.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "mvcc/command/types.h"

namespace revd {

template <typename Bytes>
struct BasicPutRequest {
  Bytes key{};
  Bytes value{};
  // The lease to attach; none detaches. With a ttl: the id of the lease to be made, 0 to have one picked.
  LeaseId lease{};
  bool prev_kv = false;       // answer with the state before
  bool ignore_value = false;  // keep the key's value; the key must exist
  bool ignore_lease = false;  // keep the key's lease; the key must exist
  // Not 0: grant a lease of this time for this key in the same command.
  int64_t ttl_ms = 0;

  static constexpr auto fields() {
    using Self = BasicPutRequest;
    return std::tuple(&Self::key, &Self::value, &Self::lease, &Self::prev_kv, &Self::ignore_value,
                      &Self::ignore_lease, &Self::ttl_ms);
  }
  friend bool operator==(const BasicPutRequest&, const BasicPutRequest&) = default;
};
using PutRequest = BasicPutRequest<std::string>;
// The same bytes without a copy; borrows from the decoded input (or, to encode, from the caller).
using PutView = BasicPutRequest<std::string_view>;

enum class SortOrder : uint8_t { kNone = 0, kAscend = 1, kDescend = 2 };
enum class SortTarget : uint8_t { kKey = 0, kVersion = 1, kCreate = 2, kMod = 3, kValue = 4 };

struct RangeRequest {
  std::string key{};
  std::string range_end{};  // see key_range.h
  int64_t limit = 0;        // most key-values in the answer; 0 (or less): all
  int64_t revision = 0;     // 0 (or less): the current one
  SortOrder sort_order = SortOrder::kNone;
  SortTarget sort_target = SortTarget::kKey;
  bool serializable = false;  // a read of this node's state, without asking the leader
  bool keys_only = false;
  bool count_only = false;
  int64_t min_mod_revision = 0;  // all four inclusive; 0: no bound
  int64_t max_mod_revision = 0;
  int64_t min_create_revision = 0;
  int64_t max_create_revision = 0;

  static constexpr auto fields() {
    using Self = RangeRequest;
    return std::tuple(&Self::key, &Self::range_end, &Self::limit, &Self::revision, &Self::sort_order,
                      &Self::sort_target, &Self::serializable, &Self::keys_only, &Self::count_only,
                      &Self::min_mod_revision, &Self::max_mod_revision, &Self::min_create_revision,
                      &Self::max_create_revision);
  }
  friend bool operator==(const RangeRequest&, const RangeRequest&) = default;
};

struct DeleteRangeRequest {
  std::string key{};
  std::string range_end{};
  bool prev_kv = false;

  static constexpr auto fields() {
    using Self = DeleteRangeRequest;
    return std::tuple(&Self::key, &Self::range_end, &Self::prev_kv);
  }
  friend bool operator==(const DeleteRangeRequest&, const DeleteRangeRequest&) = default;
};

enum class CompareTarget : uint8_t { kVersion = 0, kCreate = 1, kMod = 2, kValue = 3, kLease = 4 };
enum class CompareResult : uint8_t { kEqual = 0, kGreater = 1, kLess = 2, kNotEqual = 3 };

// "The key's `target` is `result` the operand": kGreater means that the store's is the greater one.
struct Compare {
  CompareTarget target = CompareTarget::kVersion;
  CompareResult result = CompareResult::kEqual;
  std::string key{};
  std::string range_end{};  // every key of the range must satisfy the compare
  int64_t number = 0;       // the operand of every target but kValue
  std::string value{};      // the operand of kValue

  static constexpr bool kCounted = true;
  static constexpr auto fields() {
    using Self = Compare;
    return std::tuple(&Self::target, &Self::result, &Self::key, &Self::range_end, &Self::number,
                      &Self::value);
  }
  friend bool operator==(const Compare&, const Compare&) = default;
};

struct RequestOp;

struct TxnRequest {
  std::vector<Compare> compare{};
  std::vector<RequestOp> success;  // run when all compares hold
  std::vector<RequestOp> failure;  // run otherwise

  static constexpr auto fields() {
    return std::tuple(&TxnRequest::compare, &TxnRequest::success, &TxnRequest::failure);
  }
  friend bool operator==(const TxnRequest& a, const TxnRequest& b);
};

// One operation of a transaction. The alternatives' order is their number on the wire.
struct RequestOp {
  std::variant<std::monostate, PutRequest, RangeRequest, DeleteRangeRequest, TxnRequest> one_of{};

  static constexpr bool kCounted = true;
  friend bool operator==(const RequestOp&, const RequestOp&) = default;
};

inline bool operator==(const TxnRequest& a, const TxnRequest& b) {
  return a.compare == b.compare && a.success == b.success && a.failure == b.failure;
}

struct CompactRequest {
  int64_t revision = 0;
  bool physical = false;  // answer only when the space is given back

  static constexpr auto fields() { return std::tuple(&CompactRequest::revision, &CompactRequest::physical); }
  friend bool operator==(const CompactRequest&, const CompactRequest&) = default;
};

struct LeaseGrantRequest {
  LeaseId id{};  // 0: the proposer picks
  int64_t ttl_ms = 0;

  static constexpr auto fields() { return std::tuple(&LeaseGrantRequest::id, &LeaseGrantRequest::ttl_ms); }
  friend bool operator==(const LeaseGrantRequest&, const LeaseGrantRequest&) = default;
};

struct LeaseRevokeRequest {
  LeaseId id{};

  static constexpr auto fields() { return std::tuple(&LeaseRevokeRequest::id); }
  friend bool operator==(const LeaseRevokeRequest&, const LeaseRevokeRequest&) = default;
};

struct LeaseKeepAliveRequest {
  std::vector<LeaseId> ids{};

  static constexpr auto fields() { return std::tuple(&LeaseKeepAliveRequest::ids); }
  friend bool operator==(const LeaseKeepAliveRequest&, const LeaseKeepAliveRequest&) = default;
};

struct LeaseTimeToLiveRequest {
  LeaseId id{};
  bool keys = false;  // list the keys attached to it

  static constexpr auto fields() {
    return std::tuple(&LeaseTimeToLiveRequest::id, &LeaseTimeToLiveRequest::keys);
  }
  friend bool operator==(const LeaseTimeToLiveRequest&, const LeaseTimeToLiveRequest&) = default;
};

struct LeaseLeasesRequest {
  static constexpr auto fields() { return std::tuple<>(); }
  friend bool operator==(const LeaseLeasesRequest&, const LeaseLeasesRequest&) = default;
};

struct WatchCreateRequest {
  std::string key{};  // empty: the smallest key, "\0"
  std::string range_end{};
  int64_t start_revision = 0;    // the first one wanted; 0: the next one; may be in the future
  bool prev_kv = false;          // each event with the key's state before
  bool no_put = false;           // leave out puts
  bool no_delete = false;        // leave out deletes
  bool progress_notify = false;  // a sign of progress from time to time
  bool fragment = false;         // one revision's events may come in several messages
  WatchId watch_id{};            // 0: the server picks

  static constexpr auto fields() {
    using Self = WatchCreateRequest;
    return std::tuple(&Self::key, &Self::range_end, &Self::start_revision, &Self::prev_kv, &Self::no_put,
                      &Self::no_delete, &Self::progress_notify, &Self::fragment, &Self::watch_id);
  }
  friend bool operator==(const WatchCreateRequest&, const WatchCreateRequest&) = default;
};

struct WatchCancelRequest {
  WatchId watch_id{};

  static constexpr auto fields() { return std::tuple(&WatchCancelRequest::watch_id); }
  friend bool operator==(const WatchCancelRequest&, const WatchCancelRequest&) = default;
};

struct WatchProgressRequest {
  static constexpr auto fields() { return std::tuple<>(); }
  friend bool operator==(const WatchProgressRequest&, const WatchProgressRequest&) = default;
};

struct SessionOpenRequest {
  SessionId id{};       // 0: the proposer picks
  int64_t ttl_ms = 0;   // silence after which the session is gone
  uint64_t window = 0;  // most commands whose answers are kept

  static constexpr auto fields() {
    using Self = SessionOpenRequest;
    return std::tuple(&Self::id, &Self::ttl_ms, &Self::window);
  }
  friend bool operator==(const SessionOpenRequest&, const SessionOpenRequest&) = default;
};

struct SessionCloseRequest {
  SessionId id{};

  static constexpr auto fields() { return std::tuple(&SessionCloseRequest::id); }
  friend bool operator==(const SessionCloseRequest&, const SessionCloseRequest&) = default;
};

struct SessionKeepAliveRequest {
  std::vector<SessionId> ids{};

  static constexpr auto fields() { return std::tuple(&SessionKeepAliveRequest::ids); }
  friend bool operator==(const SessionKeepAliveRequest&, const SessionKeepAliveRequest&) = default;
};

}  // namespace revd

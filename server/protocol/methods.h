// The requests that exist: their frame types, what answers them, and how a client may treat them.
//
// Plain structs in two variants, and one table that ties them to the numbers on the wire. A number
// is never reused or given another meaning. The numbers in words: README.md, "Types".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>

#include "mvcc/command/requests.h"
#include "mvcc/command/responses.h"
#include "server/protocol/node_requests.h"

namespace revd {

using Request =
    std::variant<PutRequest, RangeRequest, RangePagesRequest, DeleteRangeRequest, TxnRequest, CompactRequest,
                 LeaseGrantRequest, LeaseRevokeRequest, LeaseKeepAliveRequest, LeaseTimeToLiveRequest,
                 LeaseLeasesRequest, WatchCreateRequest, WatchCancelRequest, WatchProgressRequest,
                 SessionOpenRequest, SessionCloseRequest, SessionKeepAliveRequest, PingRequest, StatusRequest,
                 HashRequest, SnapshotRequest, AlarmRequest>;

using Response =
    std::variant<EmptyResponse, PutResponse, RangeResponse, DeleteRangeResponse, TxnResponse, CompactResponse,
                 LeaseGrantResponse, LeaseRevokeResponse, LeaseKeepAliveResponse, LeaseTimeToLiveResponse,
                 LeaseLeasesResponse, WatchResponse, SessionOpenResponse, StatusResponse, HashResponse,
                 SnapshotChunk, AlarmResponse>;

namespace protocol {

// Frames that aren't requests. 0 is no type.
inline constexpr uint16_t kTypeGoodbye = 1;  // server: the connection ends, with the reason (request id 0)
inline constexpr uint16_t kTypeCancel = 2;   // client: the request is no longer wanted
inline constexpr uint16_t kTypeCredit = 3;   // client: so many more bytes of this stream are welcome
// Reserved: 96-111 members, 112-127 authentication, 128-159 between peers.

enum class Kind : uint8_t {
  kRead,    // changes nothing: may be repeated at will
  kWrite,   // through a session it may be repeated, otherwise it may have happened
  kRepeat,  // changes something, but twice is as good as once
  kStream,  // a read with any number of answers, under credit
};

template <typename RequestT, typename ResponseT, uint16_t kNumber, Kind kHow>
struct Method {
  using RequestType = RequestT;
  using ResponseType = ResponseT;
  static constexpr uint16_t kType = kNumber;
  static constexpr Kind kKind = kHow;
};

// Every request once, in the variant's order.
using Methods = std::tuple<Method<PutRequest, PutResponse, 16, Kind::kWrite>,
                           Method<RangeRequest, RangeResponse, 17, Kind::kRead>,
                           Method<RangePagesRequest, RangeResponse, 18, Kind::kStream>,
                           Method<DeleteRangeRequest, DeleteRangeResponse, 19, Kind::kWrite>,
                           Method<TxnRequest, TxnResponse, 20, Kind::kWrite>,
                           Method<CompactRequest, CompactResponse, 21, Kind::kWrite>,
                           Method<LeaseGrantRequest, LeaseGrantResponse, 32, Kind::kWrite>,
                           Method<LeaseRevokeRequest, LeaseRevokeResponse, 33, Kind::kWrite>,
                           Method<LeaseKeepAliveRequest, LeaseKeepAliveResponse, 34, Kind::kRepeat>,
                           Method<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse, 35, Kind::kRead>,
                           Method<LeaseLeasesRequest, LeaseLeasesResponse, 36, Kind::kRead>,
                           Method<WatchCreateRequest, WatchResponse, 48, Kind::kStream>,
                           Method<WatchCancelRequest, WatchResponse, 49, Kind::kRead>,
                           Method<WatchProgressRequest, WatchResponse, 50, Kind::kRead>,
                           Method<SessionOpenRequest, SessionOpenResponse, 64, Kind::kRepeat>,
                           Method<SessionCloseRequest, EmptyResponse, 65, Kind::kRepeat>,
                           Method<SessionKeepAliveRequest, EmptyResponse, 66, Kind::kRepeat>,
                           Method<PingRequest, EmptyResponse, 80, Kind::kRead>,
                           Method<StatusRequest, StatusResponse, 81, Kind::kRead>,
                           Method<HashRequest, HashResponse, 82, Kind::kRead>,
                           Method<SnapshotRequest, SnapshotChunk, 83, Kind::kStream>,
                           Method<AlarmRequest, AlarmResponse, 84, Kind::kRepeat>>;

template <size_t kIndex>
using MethodAt = std::tuple_element_t<kIndex, Methods>;

static_assert(std::variant_size_v<Request> == std::tuple_size_v<Methods>);

// MethodOf<PutRequest>: its row of the table.
template <typename RequestT, size_t kIndex = 0>
struct FindMethod {
  using Type = typename FindMethod<RequestT, kIndex + 1>::Type;
};
template <typename RequestT, size_t kIndex>
  requires std::is_same_v<RequestT, typename MethodAt<kIndex>::RequestType>
struct FindMethod<RequestT, kIndex> {
  using Type = MethodAt<kIndex>;
};
template <typename RequestT>
using MethodOf = typename FindMethod<RequestT>::Type;

// The frame type of a request.
uint16_t type_of(const Request& request);
Kind kind_of(const Request& request);
// "put", "range_pages", ...: for logs and metrics; "unknown" for what isn't in the table.
std::string_view method_name(uint16_t type);

}  // namespace protocol
}  // namespace revd

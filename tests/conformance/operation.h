// One step of a trace as the structs of mvcc/command, and what a target answers to it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "mvcc/command/requests.h"
#include "mvcc/command/responses.h"

namespace revd {

// "What came on the connection's watches since the last one."
struct CollectRequest {};

struct CollectedWatch {
  WatchId id;
  std::vector<Event> events;
  std::optional<int64_t> compact_revision;  // cancelled by the server because of it
};
struct CollectResponse {
  std::vector<CollectedWatch> watches;  // open, or cancelled by the server since; by id
};

using Operation =
    std::variant<PutRequest, RangeRequest, DeleteRangeRequest, TxnRequest, CompactRequest, LeaseGrantRequest,
                 LeaseRevokeRequest, LeaseKeepAliveRequest, LeaseTimeToLiveRequest, LeaseLeasesRequest,
                 WatchCreateRequest, WatchCancelRequest, WatchProgressRequest, CollectRequest>;

// Each request's response; WatchResponse answers all three kinds of requests about watches.
using Answer = std::variant<ErrorAnswer, PutResponse, RangeResponse, DeleteRangeResponse, TxnResponse,
                            CompactResponse, LeaseGrantResponse, LeaseRevokeResponse, LeaseKeepAliveResponse,
                            LeaseTimeToLiveResponse, LeaseLeasesResponse, WatchResponse, CollectResponse>;

// An unknown type or field is an error: a trace that isn't understood must not pass.
Result<Operation> parse_operation(const nlohmann::json& op);

// The answer in the shape of a trace's `want`. It has every field that a `want` can have.
nlohmann::json answer_to_json(const Answer& answer);

}  // namespace revd

#include "tests/conformance/operation.h"
#include "tests/conformance/trace.h"

namespace revd {
namespace {

using nlohmann::json;

json kv_to_json(const KeyValue& kv) {
  json out = {{"key", bytes_to_json(kv.key)},
              {"create_revision", kv.create_revision},
              {"mod_revision", kv.mod_revision},
              {"version", kv.version}};
  if (!kv.value.empty()) out["value"] = bytes_to_json(kv.value);
  if (kv.lease != kNoLease) out["lease"] = kv.lease.value();
  return out;
}

json kvs_to_json(const std::vector<KeyValue>& kvs) {
  json out = json::array();
  for (const KeyValue& kv : kvs) out.push_back(kv_to_json(kv));
  return out;
}

// The bodies, without the header's revision.
json body(const PutResponse& put) {
  json out = json::object();
  if (put.prev_kv) out["prev_kv"] = kv_to_json(*put.prev_kv);
  return out;
}
json body(const RangeResponse& range) {
  return {{"kvs", kvs_to_json(range.kvs)}, {"more", range.more}, {"count", range.count}};
}
json body(const DeleteRangeResponse& erase) {
  json out = {{"deleted", erase.deleted}};
  if (!erase.prev_kvs.empty()) out["prev_kvs"] = kvs_to_json(erase.prev_kvs);
  return out;
}
json body(const TxnResponse& txn) {
  static constexpr const char* kNames[] = {"nothing", "put", "range", "delete_range", "txn"};
  json responses = json::array();
  for (const ResponseOp& op : txn.responses) {
    std::visit(
        [&](const auto& answer) {
          if constexpr (std::is_same_v<std::decay_t<decltype(answer)>, std::monostate>)
            responses.push_back(nullptr);
          else
            responses.push_back({{kNames[op.one_of.index()], body(answer)}});
        },
        op.one_of);
  }
  return {{"succeeded", txn.succeeded}, {"responses", std::move(responses)}};
}
json body(const CompactResponse&) { return json::object(); }
json body(const LeaseRevokeResponse&) { return json::object(); }
json body(const LeaseGrantResponse& grant) {
  return {{"id", grant.id.value()}, {"ttl", grant.ttl_ms / 1000}};
}
json body(const LeaseKeepAliveResponse& alive) {
  return {{"ttl", alive.ttls_ms.size() == 1 ? json(alive.ttls_ms.front() / 1000) : json(nullptr)}};
}
json body(const LeaseTimeToLiveResponse& lease) {
  json keys = json::array();
  for (const std::string& key : lease.keys) keys.push_back(bytes_to_json(key));
  return {
      {"expired", lease.ttl_ms < 0}, {"granted_ttl", lease.granted_ttl_ms / 1000}, {"keys", std::move(keys)}};
}
json body(const LeaseLeasesResponse& leases) {
  json ids = json::array();
  for (const LeaseId id : leases.ids) ids.push_back(id.value());
  return {{"ids", std::move(ids)}};
}
// Creation, cancellation or progress: what tells them apart decides the shape.
json body(const WatchResponse& watch) {
  json out = json::object();
  if (watch.created) out["created"] = true;
  if (watch.canceled) out["canceled"] = true;
  if (!watch.cancel_reason.empty()) out["cancel_reason"] = watch.cancel_reason;
  if (!watch.created && !watch.canceled) out["id"] = watch.watch_id.value();
  return out;
}

json event_to_json(const Event& event) {
  json out = {{"type", event.type == EventType::kPut ? "PUT" : "DELETE"}, {"kv", kv_to_json(event.kv)}};
  if (event.prev_kv) out["prev_kv"] = kv_to_json(*event.prev_kv);
  return out;
}

struct ToJson {
  json operator()(const ErrorAnswer& error) const {
    return {{"error", error.text}, {"code", std::string(error_code_name(error.code))}};
  }
  json operator()(const CollectResponse& collected) const {
    json watches = json::array();
    for (const CollectedWatch& watch : collected.watches) {
      json events = json::array();
      for (const Event& event : watch.events) events.push_back(event_to_json(event));
      json out = {{"id", watch.id.value()}, {"events", std::move(events)}};
      if (watch.compact_revision) {
        out["canceled"] = true;
        out["compact_revision"] = *watch.compact_revision;
      }
      watches.push_back(std::move(out));
    }
    return {{"watches", std::move(watches)}};
  }
  template <typename Response>
  json operator()(const Response& response) const {
    json out = body(response);
    out["revision"] = response.revision;
    return out;
  }
};

}  // namespace

json answer_to_json(const Answer& answer) { return std::visit(ToJson{}, answer); }

}  // namespace revd

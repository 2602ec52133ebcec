#include "tests/conformance/operation.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "tests/conformance/trace.h"

namespace revd {
namespace {

using nlohmann::json;

// Takes the fields of one JSON object; what is left over at the end, or of a wrong type, is an error.
class Fields {
 public:
  explicit Fields(const json& object) : object_(object) {
    if (!object.is_object()) complain("not an object");
  }

  void bytes(const char* name, std::string& to) {
    const json* value = take(name);
    if (value == nullptr) return;
    auto bytes = bytes_from_json(*value);
    if (!bytes.ok()) return complain(str_cat(name, ": ", bytes.error().text()));
    to = std::move(bytes).value();
  }
  void number(const char* name, int64_t& to) {
    const json* value = take(name);
    if (value == nullptr) return;
    if (!value->is_number_integer()) return complain(str_cat(name, ": not an integer"));
    to = value->get<int64_t>();
  }
  template <typename Id>
  void id(const char* name, Id& to) {
    int64_t value = 0;
    number(name, value);
    to = Id(value);
  }
  void flag(const char* name, bool& to) {
    const json* value = take(name);
    if (value == nullptr) return;
    if (!value->is_boolean()) return complain(str_cat(name, ": not a boolean"));
    to = value->get<bool>();
  }
  template <typename E, size_t N>
  void one_of(const char* name, const std::array<std::string_view, N>& names, E& to) {
    const json* value = take(name);
    if (value == nullptr) return;
    for (size_t i = 0; i < N; ++i) {
      if (*value != names[i]) continue;
      to = static_cast<E>(i);
      return;
    }
    complain(str_cat(name, ": unknown value ", value->dump()));
  }
  // The elements of a list, or none.
  json list(const char* name) {
    const json* value = take(name);
    if (value == nullptr) return json::array();
    if (!value->is_array()) complain(str_cat(name, ": not a list"));
    return *value;
  }
  void skip(const char* name) { take(name); }
  void complain(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }
  Status finish() {
    if (problem_.empty() && object_.is_object())
      for (const auto& [name, value] : object_.items())
        if (std::ranges::find(taken_, name) == taken_.end()) complain(str_cat("unknown field ", name));
    if (problem_.empty()) return {};
    return Error(ErrorCode::kInvalidArgument, problem_);
  }

 private:
  const json* take(const char* name) {
    taken_.emplace_back(name);
    const auto at = object_.is_object() ? object_.find(name) : object_.end();
    return at == object_.end() ? nullptr : &*at;
  }

  const json& object_;
  std::vector<std::string> taken_;
  std::string problem_;
};

constexpr std::array<std::string_view, 3> kSortOrders = {"NONE", "ASCEND", "DESCEND"};
constexpr std::array<std::string_view, 5> kSortTargets = {"KEY", "VERSION", "CREATE", "MOD", "VALUE"};
constexpr std::array<std::string_view, 5> kCompareTargets = {"VERSION", "CREATE", "MOD", "VALUE", "LEASE"};
constexpr std::array<std::string_view, 4> kCompareResults = {"EQUAL", "GREATER", "LESS", "NOT_EQUAL"};

Result<PutRequest> parse_put(const json& op) {
  PutRequest put;
  Fields fields(op);
  fields.skip("type");
  fields.bytes("key", put.key);
  fields.bytes("value", put.value);
  fields.id("lease", put.lease);
  fields.flag("prev_kv", put.prev_kv);
  fields.flag("ignore_value", put.ignore_value);
  fields.flag("ignore_lease", put.ignore_lease);
  TRY(fields.finish());
  return put;
}

Result<RangeRequest> parse_range(const json& op) {
  RangeRequest range;
  Fields fields(op);
  fields.skip("type");
  fields.bytes("key", range.key);
  fields.bytes("range_end", range.range_end);
  fields.number("limit", range.limit);
  fields.number("revision", range.revision);
  fields.one_of("sort_order", kSortOrders, range.sort_order);
  fields.one_of("sort_target", kSortTargets, range.sort_target);
  fields.flag("serializable", range.serializable);
  fields.flag("keys_only", range.keys_only);
  fields.flag("count_only", range.count_only);
  fields.number("min_mod_revision", range.min_mod_revision);
  fields.number("max_mod_revision", range.max_mod_revision);
  fields.number("min_create_revision", range.min_create_revision);
  fields.number("max_create_revision", range.max_create_revision);
  TRY(fields.finish());
  return range;
}

Result<DeleteRangeRequest> parse_delete_range(const json& op) {
  DeleteRangeRequest erase;
  Fields fields(op);
  fields.skip("type");
  fields.bytes("key", erase.key);
  fields.bytes("range_end", erase.range_end);
  fields.flag("prev_kv", erase.prev_kv);
  TRY(fields.finish());
  return erase;
}

Result<Compare> parse_compare(const json& op) {
  Compare compare;
  Fields fields(op);
  fields.one_of("target", kCompareTargets, compare.target);
  fields.one_of("result", kCompareResults, compare.result);
  fields.bytes("key", compare.key);
  fields.bytes("range_end", compare.range_end);
  switch (compare.target) {
    case CompareTarget::kVersion: fields.number("version", compare.number); break;
    case CompareTarget::kCreate: fields.number("create_revision", compare.number); break;
    case CompareTarget::kMod: fields.number("mod_revision", compare.number); break;
    case CompareTarget::kValue: fields.bytes("value", compare.value); break;
    case CompareTarget::kLease: fields.number("lease", compare.number); break;
  }
  TRY(fields.finish());
  return compare;
}

Result<TxnRequest> parse_txn(const json& op);

Result<RequestOp> parse_nested(const json& op) {
  RequestOp parsed;
  if (!op.is_object() || op.size() != 1)
    return Error(ErrorCode::kInvalidArgument, "not one nested operation");
  const std::string& kind = op.begin().key();
  const json& body = op.begin().value();
  if (kind == "put") {
    TRY_ASSIGN(parsed.one_of, parse_put(body));
  } else if (kind == "range") {
    TRY_ASSIGN(parsed.one_of, parse_range(body));
  } else if (kind == "delete_range") {
    TRY_ASSIGN(parsed.one_of, parse_delete_range(body));
  } else if (kind == "txn") {
    TRY_ASSIGN(parsed.one_of, parse_txn(body));
  } else {
    return Error(ErrorCode::kInvalidArgument, str_cat("unknown nested operation ", kind));
  }
  return parsed;
}

Result<TxnRequest> parse_txn(const json& op) {
  TxnRequest txn;
  Fields fields(op);
  fields.skip("type");
  for (const json& compare : fields.list("compare")) {
    TRY_ASSIGN(Compare parsed, parse_compare(compare));
    txn.compare.push_back(std::move(parsed));
  }
  for (const auto& [name, branch] :
       {std::pair{"success", &txn.success}, std::pair{"failure", &txn.failure}}) {
    for (const json& nested : fields.list(name)) {
      TRY_ASSIGN(RequestOp parsed, parse_nested(nested));
      branch->push_back(std::move(parsed));
    }
  }
  TRY(fields.finish());
  return txn;
}

Result<Operation> parse_compact(const json& op) {
  CompactRequest compact;
  Fields fields(op);
  fields.skip("type");
  fields.number("revision", compact.revision);
  fields.flag("physical", compact.physical);
  TRY(fields.finish());
  return Operation(compact);
}

Result<Operation> parse_lease(std::string_view type, const json& op) {
  Fields fields(op);
  fields.skip("type");
  LeaseId id;
  if (type != "lease_leases") fields.id("id", id);
  Operation parsed = LeaseLeasesRequest{};
  if (type == "lease_grant") {
    int64_t ttl_s = 0;
    fields.number("ttl", ttl_s);
    parsed = LeaseGrantRequest{.id = id, .ttl_ms = ttl_s * 1000};
  } else if (type == "lease_revoke") {
    parsed = LeaseRevokeRequest{.id = id};
  } else if (type == "lease_keep_alive") {
    parsed = LeaseKeepAliveRequest{.ids = {id}};
  } else if (type == "lease_time_to_live") {
    LeaseTimeToLiveRequest request{.id = id};
    fields.flag("keys", request.keys);
    parsed = request;
  } else if (type != "lease_leases") {
    return Error(ErrorCode::kInvalidArgument, str_cat("unknown operation ", type));
  }
  TRY(fields.finish());
  return parsed;
}

Result<Operation> parse_watch(const json& op) {
  WatchCreateRequest watch;
  Fields fields(op);
  fields.skip("type");
  fields.id("id", watch.watch_id);
  fields.bytes("key", watch.key);
  fields.bytes("range_end", watch.range_end);
  fields.number("start_revision", watch.start_revision);
  fields.flag("prev_kv", watch.prev_kv);
  for (const json& filter : fields.list("filters")) {
    if (filter == "NOPUT")
      watch.no_put = true;
    else if (filter == "NODELETE")
      watch.no_delete = true;
    else
      fields.complain(str_cat("unknown filter ", filter.dump()));
  }
  TRY(fields.finish());
  return Operation(std::move(watch));
}

Result<Operation> parse_on_connection(std::string_view type, const json& op) {
  Fields fields(op);
  fields.skip("type");
  Operation parsed = CollectRequest{};
  if (type == "watch_cancel") {
    WatchCancelRequest cancel;
    fields.id("id", cancel.watch_id);
    parsed = cancel;
  } else if (type == "watch_progress") {
    parsed = WatchProgressRequest{};
  }
  TRY(fields.finish());
  return parsed;
}

template <typename T>
Result<Operation> as_operation(Result<T> parsed) {
  if (!parsed.ok()) return std::move(parsed).error();
  return Operation(std::move(parsed).value());
}

}  // namespace

Result<Operation> parse_operation(const json& op) {
  if (!op.is_object() || !op.contains("type") || !op["type"].is_string())
    return Error(ErrorCode::kInvalidArgument, "an operation without a type");
  const std::string type = op["type"];
  if (type == "put") return as_operation(parse_put(op));
  if (type == "range") return as_operation(parse_range(op));
  if (type == "delete_range") return as_operation(parse_delete_range(op));
  if (type == "txn") return as_operation(parse_txn(op));
  if (type == "compact") return parse_compact(op);
  if (type == "watch") return parse_watch(op);
  if (type == "watch_cancel" || type == "watch_progress" || type == "collect")
    return parse_on_connection(type, op);
  return parse_lease(type, op);
}

}  // namespace revd

#include "mvcc/proposer.h"

#include <algorithm>

#include "mvcc/command/errors.h"

namespace revd {
namespace {

template <Message Body>
std::string encode(const CommandHeader& header, CommandKind kind, const Body& body) {
  std::string out;
  encode_command(header, kind, body, out);
  return out;
}

bool brings_leases(const TxnRequest& txn) {
  for (const auto* branch : {&txn.success, &txn.failure}) {
    for (const RequestOp& operation : *branch) {
      if (const auto* put = std::get_if<PutRequest>(&operation.one_of); put != nullptr && put->ttl_ms != 0)
        return true;
      const auto* nested = std::get_if<TxnRequest>(&operation.one_of);
      if (nested != nullptr && brings_leases(*nested)) return true;
    }
  }
  return false;
}

}  // namespace

bool is_read_only(const TxnRequest& txn) {
  for (const auto* branch : {&txn.success, &txn.failure}) {
    for (const RequestOp& operation : *branch) {
      const auto* nested = std::get_if<TxnRequest>(&operation.one_of);
      const bool reads =
          nested != nullptr ? is_read_only(*nested) : std::holds_alternative<RangeRequest>(operation.one_of);
      if (!reads) return false;
    }
  }
  return true;
}

Proposer::Proposer(MvccStore& store, Backend& backend, Random& random, ProposerOptions options)
    : store_(store), backend_(backend), random_(random), options_(std::move(options)) {}

bool Proposer::over_quota() const {
  return options_.quota_backend_bytes != 0 && backend_.live_bytes() >= options_.quota_backend_bytes;
}

Status Proposer::check_space() const {
  if (!store_.alarms().empty() || over_quota()) return api_error(ApiError::kNoSpace);
  return {};
}

Status Proposer::authorize(std::string_view principal, Access access, std::string_view key,
                           std::string_view range_end) const {
  if (!options_.authorize) return {};
  return options_.authorize(principal, access, KeyRange::of(key, range_end));
}

Status Proposer::authorize_txn(std::string_view principal, const TxnRequest& txn) const {
  if (!options_.authorize) return {};
  for (const Compare& compare : txn.compare)
    TRY(authorize(principal, Access::kRead, compare.key, compare.range_end));
  for (const auto* branch : {&txn.success, &txn.failure}) {
    for (const RequestOp& operation : *branch) {
      if (const auto* put = std::get_if<PutRequest>(&operation.one_of)) {
        TRY(authorize(principal, Access::kWrite, put->key, {}));
        if (put->prev_kv) TRY(authorize(principal, Access::kRead, put->key, {}));
      } else if (const auto* erase = std::get_if<DeleteRangeRequest>(&operation.one_of)) {
        TRY(authorize(principal, Access::kWrite, erase->key, erase->range_end));
        if (erase->prev_kv) TRY(authorize(principal, Access::kRead, erase->key, erase->range_end));
      } else if (const auto* range = std::get_if<RangeRequest>(&operation.one_of)) {
        TRY(authorize(principal, Access::kRead, range->key, range->range_end));
      } else if (const auto* nested = std::get_if<TxnRequest>(&operation.one_of)) {
        TRY(authorize_txn(principal, *nested));
      }
    }
  }
  return {};
}

LeaseId Proposer::pick_lease_id() {
  // Positive, as etcd's; a collision is refused by apply and costs one retry in 2^63.
  return LeaseId(static_cast<int64_t>(random_.below(INT64_MAX - 1)) + 1);
}

Status Proposer::complete_put(PutRequest& put) {
  if (put.ttl_ms == 0) return {};
  TRY_ASSIGN(put.ttl_ms, lease_ttl_to_grant_ms(put.ttl_ms, options_.lease_ttl_min_ms));
  if (put.lease == kNoLease) put.lease = pick_lease_id();
  return {};
}

Status Proposer::complete_txn(TxnRequest& txn) {
  for (auto* branch : {&txn.success, &txn.failure}) {
    for (RequestOp& operation : *branch) {
      if (auto* put = std::get_if<PutRequest>(&operation.one_of)) TRY(complete_put(*put));
      if (auto* nested = std::get_if<TxnRequest>(&operation.one_of)) TRY(complete_txn(*nested));
    }
  }
  return {};
}

Result<std::string> Proposer::put(const CommandHeader& header, const PutRequest& request) {
  TRY(check_put(request));
  TRY(check_size(encoded_size(request), options_.limits));
  TRY(authorize(header.principal, Access::kWrite, request.key, {}));
  if (request.prev_kv) TRY(authorize(header.principal, Access::kRead, request.key, {}));
  TRY(check_space());
  if (request.ttl_ms == 0) return encode(header, CommandKind::kPut, request);
  PutRequest complete = request;
  TRY(complete_put(complete));
  return encode(header, CommandKind::kPut, complete);
}

Result<std::string> Proposer::delete_range(const CommandHeader& header, const DeleteRangeRequest& request) {
  TRY(check_delete_range(request));
  TRY(check_size(encoded_size(request), options_.limits));
  TRY(authorize(header.principal, Access::kWrite, request.key, request.range_end));
  if (request.prev_kv) TRY(authorize(header.principal, Access::kRead, request.key, request.range_end));
  return encode(header, CommandKind::kDeleteRange, request);
}

Result<std::string> Proposer::txn(const CommandHeader& header, const TxnRequest& request) {
  TRY(check_txn(request, options_.limits.txn_operations_max));
  TRY(check_size(encoded_size(request), options_.limits));
  TRY(authorize_txn(header.principal, request));
  if (has_puts(request)) TRY(check_space());
  if (!brings_leases(request)) return encode(header, CommandKind::kTxn, request);
  TxnRequest complete = request;
  TRY(complete_txn(complete));
  return encode(header, CommandKind::kTxn, complete);
}

Result<std::string> Proposer::compact(const CommandHeader& header, const CompactRequest& request) {
  return encode(header, CommandKind::kCompact, request);
}

Result<std::string> Proposer::lease_grant(const CommandHeader& header, const LeaseGrantRequest& request) {
  LeaseGrantRequest complete = request;
  TRY_ASSIGN(complete.ttl_ms, lease_ttl_to_grant_ms(request.ttl_ms, options_.lease_ttl_min_ms));
  TRY(check_space());
  if (complete.id == kNoLease) complete.id = pick_lease_id();
  return encode(header, CommandKind::kLeaseGrant, complete);
}

Result<std::string> Proposer::lease_revoke(const CommandHeader& header, const LeaseRevokeRequest& request) {
  return encode(header, CommandKind::kLeaseRevoke, request);
}

Result<std::string> Proposer::lease_keep_alive(const CommandHeader& header,
                                               const LeaseKeepAliveRequest& request) {
  TRY(check_size(encoded_size(request), options_.limits));
  return encode(header, CommandKind::kLeaseKeepAlive, request);
}

Result<std::string> Proposer::session_open(const CommandHeader& header, const SessionOpenRequest& request) {
  SessionOpenRequest complete = request;
  complete.ttl_ms = std::clamp(request.ttl_ms, options_.session_ttl_min_ms, kLeaseTtlMaxMs);
  complete.window = std::clamp<uint64_t>(request.window, 1, options_.session_window_max);
  while (complete.id == SessionId{}) complete.id = SessionId(random_.next());
  return encode(header, CommandKind::kSessionOpen, complete);
}

Result<std::string> Proposer::session_close(const CommandHeader& header, const SessionCloseRequest& request) {
  return encode(header, CommandKind::kSessionClose, request);
}

Result<std::string> Proposer::session_keep_alive(const CommandHeader& header,
                                                 const SessionKeepAliveRequest& request) {
  TRY(check_size(encoded_size(request), options_.limits));
  return encode(header, CommandKind::kSessionKeepAlive, request);
}

std::string Proposer::alarm_clear(NodeId member, AlarmCause cause) {
  return encode(CommandHeader{}, CommandKind::kAlarmClear, AlarmClearCommand{member, cause});
}

Status Proposer::check_range(std::string_view principal, const RangeRequest& request) const {
  TRY(revd::check_range(request));
  return authorize(principal, Access::kRead, request.key, request.range_end);
}

}  // namespace revd

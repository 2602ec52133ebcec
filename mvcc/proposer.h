// Proposer: checks a request against settings, load and local state, and builds its command.
//
// Everything that apply mustn't look at is decided here (mvcc, "Limits"; rules 6, 10, 17): sizes, counts,
// quota, picked ids, minimum ttls, who may do what. Apply decides the rest.
// Thread rule: the reactor thread. Borrows MvccStore, Backend and Random. Errors: the table's. Units: as
// named.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "engine/backend.h"
#include "mvcc/command/check_request.h"
#include "mvcc/command/command.h"
#include "mvcc/command/key_range.h"
#include "mvcc/store.h"

namespace revd {

enum class Access : uint8_t { kRead, kWrite };

struct ProposerOptions {
  RequestLimits limits;
  uint64_t quota_backend_bytes = uint64_t{2} << 30;  // of live bytes; 0: no quota
  int64_t lease_ttl_min_ms = 2000;
  int64_t session_ttl_min_ms = 2000;
  uint64_t session_window_max = 1024;
  // Whether `principal` may; asked for every range of keys that a request names. Null: everybody may.
  std::function<Status(std::string_view principal, Access access, const KeyRange& range)> authorize;
};

class Proposer {
 public:
  Proposer(MvccStore& store, Backend& backend, Random& random, ProposerOptions options = {});

  // Each gives the encoded command, for the log.
  Result<std::string> put(const CommandHeader& header, const PutRequest& request);
  Result<std::string> delete_range(const CommandHeader& header, const DeleteRangeRequest& request);
  // One that only reads needs no command (is_read_only), but may be one.
  Result<std::string> txn(const CommandHeader& header, const TxnRequest& request);
  Result<std::string> compact(const CommandHeader& header, const CompactRequest& request);
  Result<std::string> lease_grant(const CommandHeader& header, const LeaseGrantRequest& request);
  Result<std::string> lease_revoke(const CommandHeader& header, const LeaseRevokeRequest& request);
  Result<std::string> lease_keep_alive(const CommandHeader& header, const LeaseKeepAliveRequest& request);
  Result<std::string> session_open(const CommandHeader& header, const SessionOpenRequest& request);
  Result<std::string> session_close(const CommandHeader& header, const SessionCloseRequest& request);
  Result<std::string> session_keep_alive(const CommandHeader& header, const SessionKeepAliveRequest& request);
  // Of an operator; a cause that still holds raises it again.
  std::string alarm_clear(NodeId member, AlarmCause cause);

  // The checks of a read, which needs no command.
  Status check_range(std::string_view principal, const RangeRequest& request) const;

  const ProposerOptions& options() const { return options_; }
  // Live bytes are at the quota: puts are refused.
  bool over_quota() const;

 private:
  Status check_space() const;
  Status authorize(std::string_view principal, Access access, std::string_view key,
                   std::string_view range_end) const;
  Status authorize_txn(std::string_view principal, const TxnRequest& txn) const;
  LeaseId pick_lease_id();
  // Fills in what puts with their own ttl leave open.
  Status complete_put(PutRequest& put);
  Status complete_txn(TxnRequest& txn);

  MvccStore& store_;
  Backend& backend_;
  Random& random_;
  ProposerOptions options_;
};

// It changes nothing, whatever branches are taken.
bool is_read_only(const TxnRequest& txn);

}  // namespace revd

// The checks of a request that need no state (mvcc rules 6, 10 and 17), made by the proposer.
//
// Pure functions; nothing is kept. Errors are the table's (errors.h). What depends on the store
// (revisions, leases, existing keys) is decided when the command is applied.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "mvcc/command/requests.h"

namespace revd {

struct RequestLimits {
  uint64_t request_bytes_max = uint64_t{1536} * 1024;  // of a request as encoded
  uint32_t txn_operations_max = 128;                   // in each list of a transaction, compares included
};

// Longest lease: 9,000,000,000 s.
inline constexpr int64_t kLeaseTtlMaxMs = 9'000'000'000'000;

Status check_put(const PutRequest& request);
Status check_range(const RangeRequest& request);
Status check_delete_range(const DeleteRangeRequest& request);
// All operations, nested ones included: their own checks, then duplicate keys in each branch.
Status check_txn(const TxnRequest& request, uint32_t operations_max);
Status check_size(uint64_t encoded_bytes, const RequestLimits& limits);

// The ttl to put into a grant: `asked_ms` raised to the minimum; an error above kLeaseTtlMaxMs.
Result<int64_t> lease_ttl_to_grant_ms(int64_t asked_ms, int64_t minimum_ms);

}  // namespace revd

// The checks that need no state, written a second time, naively (mvcc/command/check_request.h has
// the real ones; a random test holds them against each other).
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "mvcc/command/requests.h"

namespace revd {

Status model_check_put(const PutRequest& request);
Status model_check_range(const RangeRequest& request);
Status model_check_delete(const DeleteRangeRequest& request);
Status model_check_txn(const TxnRequest& request, size_t operations_max);

// Is `candidate` what (key, range_end) means?
bool model_in_range(const std::string& key, const std::string& range_end, const std::string& candidate);

}  // namespace revd

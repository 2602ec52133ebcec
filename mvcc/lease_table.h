// LeaseTable: the tree L: leases, what expires next, and which keys hang on which lease.
//
// Deadlines are log time (mvcc rule 19), data like any other. Thread rule: the reactor thread. Borrows
// nothing. Every change can be repeated after kWouldBlock. Errors: the trees' (trees.h); kDataLoss for
// bytes that don't decode. Units: milliseconds for ttls, nanoseconds of log time for deadlines.
// Format: mvcc/README.md, "L".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "mvcc/command/types.h"
#include "mvcc/trees.h"

namespace revd {

struct Lease {
  int64_t ttl_ms = 0;
  LogTime deadline;
};

// Never overflows: ttls are bounded far above any use.
LogTime deadline_after(LogTime from, int64_t ttl_ms);

class LeaseTable {
 public:
  explicit LeaseTable(TreeId tree) : tree_(tree) {}

  Result<std::optional<Lease>> find(ReadView view, LeaseId id);
  // A new lease.
  Status add(WriteTxn& txn, LeaseId id, const Lease& lease);
  // Moves the deadline of `lease`, as found.
  Status extend(WriteTxn& txn, LeaseId id, const Lease& lease, LogTime deadline);
  // Its keys must be gone before.
  Status remove(WriteTxn& txn, LeaseId id, const Lease& lease);

  Status attach(WriteTxn& txn, LeaseId id, std::string_view key);
  Status detach(WriteTxn& txn, LeaseId id, std::string_view key);
  // The smallest key attached; nullopt if there is none. `missing` is set after kWouldBlock.
  Result<std::optional<std::string>> first_key(ReadView view, LeaseId id, PageRequest& missing);

  // ---- For clients and proposers; views that block. ----
  Result<std::vector<std::string>> keys(ReadView view, LeaseId id);
  Result<std::vector<LeaseId>> all(ReadView view);  // ascending
  // What expires next.
  Result<std::optional<LogTime>> next_deadline(ReadView view);
  // At most `max` leases whose deadline is at or before `now`, earliest first.
  Result<std::vector<LeaseId>> due(ReadView view, LogTime now, size_t max);

 private:
  TreeId tree_;
  std::string scratch_;
};

}  // namespace revd

// MetaTable: the trees M and A: what the store knows about itself, and its alarms.
//
// Written only when it changes, in the transaction that changes it, so that it is part of the same
// checkpoint as the data. The current revision isn't here: it is R's last key (the record at the newest
// revision is never dropped). Thread rule: the reactor thread. Errors: the trees'; kDataLoss for bytes that
// don't decode; kUnimplemented for a format that this build doesn't know.
// Format: mvcc/README.md, "M and A".
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "mvcc/command/command.h"
#include "mvcc/trees.h"

namespace revd {

// How far the physical work of compaction has come. It goes through R from `done` to `target`.
struct CompactionProgress {
  int64_t done = kNeverCompacted;
  int64_t target = kNeverCompacted;  // above `done` while a pass is under way
  Revision next;                     // where that goes on
  friend bool operator==(const CompactionProgress&, const CompactionProgress&) = default;
};

class MetaTable {
 public:
  MetaTable(TreeId meta, TreeId alarms) : meta_(meta), alarms_(alarms) {}

  // Writes the format's version into a new store, checks it in an old one.
  Status check_format(WriteTxn& txn);

  Result<int64_t> floor(ReadView view);
  Status put_floor(WriteTxn& txn, int64_t floor);
  Result<uint64_t> tombstones(ReadView view);
  Status put_tombstones(WriteTxn& txn, uint64_t count);
  Result<CompactionProgress> compaction(ReadView view);
  Status put_compaction(WriteTxn& txn, const CompactionProgress& progress);

  Result<std::set<std::pair<NodeId, AlarmCause>>> alarms(ReadView view);
  Status put_alarm(WriteTxn& txn, NodeId member, AlarmCause cause);
  Status erase_alarm(WriteTxn& txn, NodeId member, AlarmCause cause);

 private:
  Result<std::optional<std::string>> get(ReadView view, std::string_view name);
  TreeId meta_;
  TreeId alarms_;
};

}  // namespace revd

// StoreCore: what the parts of a store share: trees, tables, and where the history stands.
//
// Internal to mvcc. Thread rule: the reactor thread. Borrows Env and Backend. `working` is the state as
// applied, within the open transaction; `published` is what readers see.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/env.h"
#include "engine/backend.h"
#include "mvcc/change.h"
#include "mvcc/command/command.h"
#include "mvcc/key_index.h"
#include "mvcc/lease_table.h"
#include "mvcc/meta.h"
#include "mvcc/revision_log.h"
#include "mvcc/session_table.h"
#include "mvcc/trees.h"

namespace revd {

struct StoreState {
  int64_t revision = kFirstRevision;
  int64_t floor = kNeverCompacted;  // the compacted revision
  uint64_t tombstones = 0;          // entries of deleted keys in the key index
  AppliedPosition applied;
};

using StandingAlarm = std::pair<NodeId, AlarmCause>;

// The revisions that open range reads still need, so that physical compaction waits for them; for
// kHoldTime at most, after which the reader is on its own.
class ReadHolds {
 public:
  static constexpr Duration kHoldTime = std::chrono::seconds(60);
  using Id = uint64_t;

  Id add(int64_t revision, Instant now) {
    holds_.emplace(++last_id_, Hold{revision, now + kHoldTime});
    return last_id_;
  }
  void remove(Id id) { holds_.erase(id); }
  // The lowest revision held at `now`, if any is below `floor`; else `floor`.
  int64_t lowest(int64_t floor, Instant now) const {
    for (const auto& [id, hold] : holds_)
      if (hold.end > now && hold.revision < floor) floor = hold.revision;
    return floor;
  }
  bool empty() const { return holds_.empty(); }

 private:
  struct Hold {
    int64_t revision;
    Instant end;
  };
  std::map<Id, Hold> holds_;
  Id last_id_ = 0;
};

class StoreCore {
 public:
  static Result<std::unique_ptr<StoreCore>> open(Env& env, Backend& backend);

  // The transaction that apply writes to, opened if none is. A sliced one leaves the published version
  // alone and never blocks: it may stay open between steps. Publishes first if the open one is of the
  // other kind.
  WriteTxn& writer(bool sliced);
  bool has_writer() const { return txn.has_value(); }
  // Writes what changed about the store itself; a sliced command does so before it ends, since this may
  // answer kWouldBlock then.
  Status write_meta();
  // Ends the open transaction: everything applied can be read.
  Status publish();
  // Something is applied that can't be read yet.
  bool has_unpublished() const { return txn.has_value(); }

  Env& env;
  Backend& backend;
  StoreTrees trees;
  KeyIndex keys;
  RevisionLog revisions;
  LeaseTable leases;
  SessionTable sessions;
  MetaTable meta;
  std::set<StandingAlarm> alarms;
  CompactionProgress compaction;
  StoreState working;
  StoreState published;
  uint64_t written_tombstones = 0;  // what M says about working.tombstones
  ReadHolds holds;
  ChangeListener* listener = nullptr;
  std::optional<WriteTxn> txn;
  bool sliced = false;

 private:
  StoreCore(Env& the_env, Backend& the_backend, const StoreTrees& the_trees);
  Status load();
};

}  // namespace revd

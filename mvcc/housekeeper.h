// Housekeeper: what a leader proposes by itself.
//
// Leases and sessions whose deadline has passed, compaction, the quota's alarm, and, while leases or
// sessions exist, an entry a second so that log time goes on. It proposes nothing twice while the first is
// under way. Apply checks everything again: a leader that is none any more does no harm.
// Thread rule: the reactor thread. Borrows MvccStore, Backend and Proposer. No timer: its owner calls tick()
// a few times a second while it leads. Errors: of reading the trees; the caller logs them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "mvcc/compactor.h"
#include "mvcc/proposer.h"
#include "mvcc/store.h"

namespace revd {

struct HousekeeperOptions {
  CompactorOptions compactor;
  NodeId member{1};          // whose disk and quota it watches
  size_t expire_batch = 32;  // leases (sessions) ended by one command
  Duration time_entry_every = std::chrono::seconds(1);
};

struct HousekeeperInput {
  Instant now{};
  LogTime log_now;  // what an entry proposed now would be stamped with
  Term term;
  Instant last_entry{};  // when this leader proposed its last entry
};

struct HousekeeperOutput {
  std::vector<std::string> commands;  // to be proposed
  bool time_entry = false;            // an entry without a command (a no-op) is due
};

class Housekeeper {
 public:
  Housekeeper(MvccStore& store, Backend& backend, Proposer& proposer, const HousekeeperOptions& options);

  Result<HousekeeperOutput> tick(const HousekeeperInput& input);
  // This node begins to lead.
  void start_leading();

 private:
  Status end_leases(const HousekeeperInput& input, HousekeeperOutput& output);
  Status end_sessions(const HousekeeperInput& input, HousekeeperOutput& output);
  void watch_quota(HousekeeperOutput& output);

  MvccStore& store_;
  Backend& backend_;
  Proposer& proposer_;
  HousekeeperOptions options_;
  Compactor compactor_;
  // The applied index when leases (sessions, the alarm) were last proposed to change.
  LogIndex leases_proposed_;
  LogIndex sessions_proposed_;
  LogIndex alarm_proposed_;
};

}  // namespace revd

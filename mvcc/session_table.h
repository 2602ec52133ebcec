// SessionTable: the tree S: clients' sessions and the answers that a retried command gets again.
//
// A session holds a window of sequence numbers, from the client's lowest unacknowledged one. A command
// in it whose answer is kept has been applied before; one without an answer hasn't; anything outside
// is refused. Thread rule: the reactor thread. Borrows nothing. Errors: the trees' (trees.h); kDataLoss
// for bytes that don't decode. Format: mvcc/README.md, "S".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "mvcc/command/command.h"
#include "mvcc/lease_table.h"
#include "mvcc/trees.h"

namespace revd {

struct Session {
  int64_t ttl_ms = 0;
  uint64_t window = 0;
  LogTime last_time;    // of its last command
  uint64_t lowest = 1;  // answers below it are forgotten
  // Where it stands in the order of deadlines: moved only when it lags by a quarter of the ttl, so that
  // most commands leave it alone. Never after the real deadline.
  LogTime listed_deadline;

  LogTime deadline() const { return deadline_after(last_time, ttl_ms); }
};

class SessionTable {
 public:
  explicit SessionTable(TreeId tree) : tree_(tree) {}

  Result<std::optional<Session>> find(ReadView view, SessionId id);
  Status add(WriteTxn& txn, SessionId id, Session session);
  // Notes that the session was heard of at `time`. `session` is as found, and is updated.
  Status touch(WriteTxn& txn, SessionId id, Session& session, LogTime time);
  Status remove(WriteTxn& txn, SessionId id, const Session& session);

  Result<std::optional<CommandResult>> answer(ReadView view, SessionId id, uint64_t sequence);
  Status keep_answer(WriteTxn& txn, SessionId id, uint64_t sequence, const CommandResult& result);
  // Answers below `lowest` go; session.lowest becomes it. Written with the next touch().
  Status forget_answers(WriteTxn& txn, SessionId id, Session& session, uint64_t lowest);

  // ---- For proposers; views that block. ----
  Result<bool> any(ReadView view);
  // At most `max` sessions whose deadline is at or before `now`.
  Result<std::vector<SessionId>> due(ReadView view, LogTime now, size_t max);

 private:
  Status write(WriteTxn& txn, SessionId id, const Session& session);
  TreeId tree_;
  std::string scratch_;
};

}  // namespace revd

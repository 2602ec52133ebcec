// Consensus: the seam where it is decided that an entry is committed.
//
// A node hands payloads in; the consensus makes entries of them (term, index, log time), puts them into the
// log, and tells the node in order which entries are committed. A group of one: SoloConsensus.
//
// Thread rule: the node's reactor. No callback runs inside the call that took it, except read_barrier's.
// Ownership: the consensus keeps an entry's payload from propose() until entry_applied().
// Errors: the table's (mvcc/command/errors.h): `not leader`, `too many requests`, `server stopped`; nothing
// has been proposed then. A failure of the node's own disk goes to ConsensusListener::failed, once.
#pragma once

#include <functional>
#include <string>

#include "engine/types.h"

namespace revd {

// What the node hears.
class ConsensusListener {
 public:
  virtual ~ConsensusListener() = default;
  // Each entry of the log after the applied one, once, in order. The payload stays until entry_applied().
  virtual void committed(const LogEntry& entry) = 0;
  // This node leads from now on: its first entry of the term is committed.
  virtual void leading() = 0;
  // Nothing is committed any more: the process must stop.
  virtual void failed(const Error& error) = 0;
};

struct ConsensusState {
  Term term;
  NodeId leader;  // 0: none known
  bool leading = false;
  LogIndex last_index;
  LogIndex commit_index;
  Instant last_entry{};  // when this node proposed its last one
};

class Consensus {
 public:
  virtual ~Consensus() = default;

  // Begins to take part; once, before anything else.
  virtual void start() = 0;
  // The entry's index. It is committed later, or lost with this node's leadership or life.
  virtual Result<LogIndex> propose(LogEntryType type, std::string payload) = 0;
  // `done` gets an index: whoever has applied it and reads then sees everything that had been acknowledged
  // when this was called. May call `done` before it returns.
  using BarrierDone = std::move_only_function<void(Result<LogIndex>)>;
  virtual void read_barrier(BarrierDone done) = 0;
  // The node has applied the entry and needs its payload no more. In any order.
  virtual void entry_applied(LogIndex index) = 0;

  virtual ConsensusState state() const = 0;
  // What an entry proposed now would be stamped with (mvcc rule 19).
  virtual LogTime log_now() const = 0;
};

}  // namespace revd

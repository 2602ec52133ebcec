// SoloConsensus: the group of one: what is durable is committed.
//
// A start raises the term, durably and before anything is written in it; a new log begins with the
// configuration entry; each start appends a no-op, and the node leads when that is durable. Log time goes on
// from the last entry's by this process's monotonic clock. Thread rule, ownership, errors: consensus.h.
// Borrows Env, the log and the listener, which outlive it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/env.h"
#include "server/node/consensus.h"

namespace revd {

class SoloConsensus final : public Consensus {
 public:
  // `last_time`: the log time of the log's last entry, which has been applied.
  SoloConsensus(Env& env, wal::Wal& log, LogTime last_time, ConsensusListener& listener);
  ~SoloConsensus() override;

  void start() override;
  Result<LogIndex> propose(LogEntryType type, std::string payload) override;
  void read_barrier(BarrierDone done) override;
  void entry_applied(LogIndex index) override;
  ConsensusState state() const override;
  LogTime log_now() const override;

 private:
  void begin_term();
  Result<LogIndex> append(LogEntryType type, std::string payload);
  void on_durable(LogIndex index, const Result<AppendToken>& token);
  void fail(const Error& error);

  Env& env_;
  wal::Wal& log_;
  ConsensusListener& listener_;
  Term term_;
  bool leading_ = false;
  bool failed_ = false;
  LogIndex first_of_term_;  // the no-op that ends the start
  LogIndex commit_index_;
  LogTime time_base_;
  LogTime last_time_;
  Instant time_started_;
  Instant last_entry_;
  // By index. A map's elements don't move, so the entries' payloads can be borrowed.
  struct Kept {
    LogEntry entry;
    std::string payload;
  };
  std::map<LogIndex, Kept> kept_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace revd

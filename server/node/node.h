// Node: one member, wired: Backend, consensus, MvccStore, watches, housekeeping.
//
//   propose -> Consensus (log) -> committed -> Applier (slices, batches) -> published -> answered
//
// Built from an Env and settings, driven only by completions and timers: it can't tell the simulator from
// Linux. Thread rule: the reactor thread; open() and close() block, and may not be called from within a task
// or completion. Owns everything below; borrows Env. Streams of watches() and tasks on store() go before it.
// Errors: the table's (mvcc/command/errors.h). When its own disk fails, or an entry can't be applied, the
// node stops at once: `on_failure` is called once, from a task of its own, everything waiting is answered
// `server stopped`, and its owner ends the process.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/env.h"
#include "mvcc/applier.h"
#include "mvcc/housekeeper.h"
#include "mvcc/proposer.h"
#include "mvcc/store.h"
#include "mvcc/watch_hub.h"
#include "server/node/consensus.h"
#include "server/node/settings.h"

namespace revd {

struct NodeStatistics {
  Duration recovery{};  // how long open() took
  uint64_t entries_replayed = 0;
  uint64_t unapplied_bytes = 0;  // commands proposed, not yet answered
  uint64_t unapplied_bytes_high = 0;
};

class Node : private ConsensusListener, private ChangeListener {
 public:
  // Recovers, replays the log and leads. `on_failure` may be null.
  static Result<std::unique_ptr<Node>> open(Env& env, NodeSettings settings,
                                            std::function<void(const Error&)> on_failure);
  ~Node() override;

  // `command` as the proposer encoded it. `done` comes once, when it is applied and published, or with an
  // error: of the table if it was refused, `server stopped` if its fate isn't known. Never inside this call.
  using Done = std::move_only_function<void(Result<CommandResult>)>;
  void propose(std::string command, Done done);
  // `done` comes when a read of the published state sees everything acknowledged before this call; it may
  // come before this returns.
  using BarrierDone = std::move_only_function<void(Status)>;
  void read_barrier(BarrierDone done);

  Env& env() { return env_; }
  MvccStore& store() { return *store_; }
  Backend& backend() { return *backend_; }
  Proposer& proposer() { return *proposer_; }
  WatchHub& watches() { return *hub_; }
  const Consensus& consensus() const { return *consensus_; }
  const NodeSettings& settings() const { return settings_; }
  // A long read has ended: what waited for it may go on.
  void read_ended() { applier_->wake(); }

  ClusterId cluster() const;
  NodeId member() const;
  LogIndex applied_index() const { return store_->applied().index; }
  const NodeStatistics& statistics() const { return statistics_; }
  // Nothing is proposed, to be applied or to be answered.
  bool idle() const { return proposed_.empty() && barriers_.empty() && applier_->idle(); }
  // The error that stopped it.
  Status failed() const { return failure_ ? Status(*failure_) : Status(); }
  // Blocks: refuses what is new, applies and answers what is under way (`server stopped` to those who wait
  // for physical compaction), writes a last checkpoint, seals the log.
  Status close();

 private:
  struct Proposed {
    Done done;
    uint64_t bytes = 0;
  };

  Node(Env& env, NodeSettings settings, std::function<void(const Error&)> on_failure);
  Status recover();
  Status lead();
  void tick();
  void fail(const Error& error);
  void stop_waiting();
  void release_barriers();
  void answer(LogIndex index, CommandResult result);

  // ConsensusListener.
  void committed(const LogEntry& entry) override;
  void leading() override;
  void failed(const Error& error) override { fail(error); }
  // ChangeListener: the watches hear everything first.
  void on_change(const Change& change) override { hub_->on_change(change); }
  void on_published() override;

  Env& env_;
  NodeSettings settings_;
  std::function<void(const Error&)> on_failure_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<MvccStore> store_;
  std::unique_ptr<Proposer> proposer_;
  std::unique_ptr<WatchHub> hub_;
  std::unique_ptr<Consensus> consensus_;
  std::unique_ptr<Applier> applier_;  // borrows the consensus's payloads: goes first
  std::unique_ptr<Housekeeper> housekeeper_;
  std::map<LogIndex, Proposed> proposed_;
  std::multimap<LogIndex, BarrierDone> barriers_;
  bool release_scheduled_ = false;
  bool leads_ = false;
  bool closing_ = false;
  std::optional<Error> failure_;
  NodeStatistics statistics_;
  Timer tick_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace revd

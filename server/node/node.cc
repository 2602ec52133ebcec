#include "server/node/node.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "mvcc/command/errors.h"
#include "server/node/solo_consensus.h"

namespace revd {

namespace {

// Housekeeping: leases end at most this late, beyond the time of one entry.
constexpr Duration kTick = std::chrono::milliseconds(250);
// What a command costs beyond its bytes, so that tiny ones are bounded too.
constexpr uint64_t kCommandOverheadBytes = 256;

}  // namespace

Node::Node(Env& env, NodeSettings settings, std::function<void(const Error&)> on_failure)
    : env_(env),
      settings_(std::move(settings)),
      on_failure_(std::move(on_failure)),
      tick_timer_(env.executor) {}

Node::~Node() {
  *alive_ = false;
  tick_timer_.stop();
}

Result<std::unique_ptr<Node>> Node::open(Env& env, NodeSettings settings,
                                         std::function<void(const Error&)> on_failure) {
  while (settings.backend.cluster_id == ClusterId{})
    settings.backend.cluster_id = ClusterId(env.random.next());
  const Instant started = env.clock.now();
  std::unique_ptr<Node> node(new Node(env, std::move(settings), std::move(on_failure)));
  TRY(node->recover());
  TRY(node->lead());
  node->statistics_.recovery = env.clock.now() - started;
  return node;
}

Status Node::recover() {
  TRY_ASSIGN(backend_, Backend::open(env_, settings_.backend));
  TRY_ASSIGN(store_, MvccStore::open(env_, *backend_));
  TRY(backend_->replay([this](const LogEntry& entry) -> Status {
    TRY_ASSIGN(const CommandResult result, store_->apply(entry));
    ++statistics_.entries_replayed;
    return {};
  }));
  proposer_ = std::make_unique<Proposer>(*store_, *backend_, env_.random, settings_.proposer);
  hub_ = std::make_unique<WatchHub>(env_, *backend_, *store_, settings_.watch);
  store_->set_listener(this);
  ConsensusListener& listener = *this;
  consensus_ = std::make_unique<SoloConsensus>(env_, backend_->log(), store_->applied().log_time, listener);
  applier_ = std::make_unique<Applier>(env_, *backend_, *store_, [this](const Error& error) { fail(error); });
  const HousekeeperOptions housekeeping{
      .compactor = settings_.compactor, .member = member(), .expire_batch = settings_.expire_batch};
  housekeeper_ = std::make_unique<Housekeeper>(*store_, *backend_, *proposer_, housekeeping);
  backend_->on_failure([this](const Error& error) { fail(error); });
  return {};
}

Status Node::lead() {
  consensus_->start();
  const bool ended = env_.executor.run_until([this] { return leads_ || failure_.has_value(); });
  if (failure_) return *failure_;
  if (!ended) return api_error(ApiError::kStopped);
  return {};
}

ClusterId Node::cluster() const { return backend_->log().identity().cluster; }
NodeId Node::member() const { return backend_->log().identity().node; }

// ---- The path of a write. ----

void Node::propose(std::string command, Done done) {
  const uint64_t bytes = command.size() + kCommandOverheadBytes;
  Result<LogIndex> index = api_error(ApiError::kStopped);
  if (failure_ || closing_) {
    // The error is in place.
  } else if (statistics_.unapplied_bytes + bytes > settings_.unapplied_bytes_max) {
    index = api_error(ApiError::kTooManyRequests);
  } else {
    index = consensus_->propose(LogEntryType::kCommand, std::move(command));
  }
  if (!index.ok()) {
    env_.executor.post(
        [done = std::move(done), error = std::move(index).error()]() mutable { done(std::move(error)); });
    return;
  }
  statistics_.unapplied_bytes += bytes;
  statistics_.unapplied_bytes_high = std::max(statistics_.unapplied_bytes_high, statistics_.unapplied_bytes);
  proposed_.emplace(*index, Proposed{std::move(done), bytes});
}

void Node::committed(const LogEntry& entry) {
  if (failure_) return;
  applier_->enqueue(entry,
                    [this, index = entry.index](CommandResult result) { answer(index, std::move(result)); });
}

void Node::answer(LogIndex index, CommandResult result) {
  consensus_->entry_applied(index);
  const auto at = proposed_.find(index);
  if (at == proposed_.end()) return;
  Done done = std::move(at->second.done);
  statistics_.unapplied_bytes -= at->second.bytes;
  proposed_.erase(at);
  if (done) done(std::move(result));
}

// ---- The path of a read. ----

void Node::read_barrier(BarrierDone done) {
  if (failure_ || closing_) return done(api_error(ApiError::kStopped));
  consensus_->read_barrier([this, alive = alive_, done = std::move(done)](Result<LogIndex> index) mutable {
    if (!*alive) return;
    if (!index.ok()) return done(std::move(index).error());
    if (*index <= applied_index()) return done({});
    barriers_.emplace(*index, std::move(done));
  });
}

// In the middle of a publication: readers come in a task of their own.
void Node::on_published() {
  hub_->on_published();
  if (barriers_.empty() || release_scheduled_) return;
  release_scheduled_ = true;
  env_.executor.post([this, alive = alive_] {
    if (!*alive) return;
    release_scheduled_ = false;
    release_barriers();
  });
}

void Node::release_barriers() {
  const std::shared_ptr<bool> alive = alive_;
  while (*alive && !barriers_.empty() && barriers_.begin()->first <= applied_index()) {
    BarrierDone done = std::move(barriers_.begin()->second);
    barriers_.erase(barriers_.begin());
    done({});
  }
}

// ---- Leading, and the end. ----

void Node::leading() {
  leads_ = true;
  housekeeper_->start_leading();
  tick_timer_.start(kTick, [this] { tick(); });
}

void Node::tick() {
  tick_timer_.start(kTick, [this] { tick(); });
  const ConsensusState state = consensus_->state();
  if (!state.leading || closing_) return;
  const auto output =
      housekeeper_->tick({env_.clock.now(), consensus_->log_now(), state.term, state.last_entry});
  if (!output.ok()) {
    env_.logger.error("node", "housekeeping failed", {{"error", output.error().describe()}});
    return;
  }
  // What can't be appended now is proposed again by a later tick.
  for (const std::string& command : output->commands) {
    const auto proposed = consensus_->propose(LogEntryType::kCommand, command);
    if (!proposed.ok())
      env_.logger.warning("node", "housekeeping put off", {{"reason", proposed.error().text()}});
  }
  if (output->time_entry) (void)consensus_->propose(LogEntryType::kNoop, {});
}

void Node::fail(const Error& error) {
  if (failure_) return;
  failure_ = error;
  tick_timer_.stop();
  env_.logger.error("node", "stopped: this node's storage failed", {{"error", error.describe()}});
  env_.executor.post([this, alive = alive_] {
    if (!*alive) return;
    stop_waiting();
    if (*alive && on_failure_) on_failure_(*failure_);
  });
}

// Whether these commands will have happened isn't known.
void Node::stop_waiting() {
  const std::shared_ptr<bool> alive = alive_;
  std::map<LogIndex, Proposed> proposed = std::exchange(proposed_, {});
  std::multimap<LogIndex, BarrierDone> barriers = std::exchange(barriers_, {});
  statistics_.unapplied_bytes = 0;
  for (auto& [index, item] : proposed)
    if (item.done) item.done(api_error(ApiError::kStopped));
  for (auto& [index, done] : barriers) done(api_error(ApiError::kStopped));
}

Status Node::close() {
  tick_timer_.stop();
  closing_ = true;
  const bool ended = env_.executor.run_until(
      [this] { return failure_ || applied_index() >= consensus_->state().last_index; });
  // What still waits has been applied, and waits for physical compaction alone.
  stop_waiting();
  if (failure_) return *failure_;
  if (!ended) return Error(ErrorCode::kCancelled, "the loop was stopped before everything was applied");
  return backend_->close();
}

}  // namespace revd

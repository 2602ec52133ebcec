#include "mvcc/embedded_store.h"

#include <algorithm>
#include <map>
#include <utility>

#include "mvcc/command/errors.h"
#include "mvcc/configuration.h"

namespace revd {

struct EmbeddedStore::Impl {
  // An entry from its append to its answer. A map's elements don't move, so payloads can be borrowed.
  struct Proposed {
    LogEntry entry;
    std::string payload;
    Done done;
  };
  static constexpr Duration kTick = std::chrono::milliseconds(250);

  Env& env;
  EmbeddedOptions options;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<MvccStore> store;
  std::optional<Proposer> proposer;
  std::optional<WatchHub> hub;
  std::optional<Applier> applier;
  std::optional<Housekeeper> housekeeper;
  Timer timer;
  std::map<LogIndex, Proposed> proposed;
  Term term;
  LogTime time_base;
  Instant time_started{};
  LogTime last_time;
  Instant last_entry{};
  std::optional<Error> failure;
  bool closed = false;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);

  Impl(Env& e, const EmbeddedOptions& o) : env(e), options(o), timer(e.executor) {}
  ~Impl() { *alive = false; }

  Status open();
  Status begin_term();
  Status append(LogEntryType type, std::string payload, Done done);
  void on_durable(LogIndex index, const Result<AppendToken>& token);
  void stop(const Error& error);
  void tick();
  LogTime log_now() const {
    return std::max(last_time, LogTime(time_base.value() + (env.clock.now() - time_started).count()));
  }
  // Runs the loop until `done` or a failure; what it waits for must come by itself.
  Status wait(const std::function<bool()>& done);
};

EmbeddedStore::EmbeddedStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedStore::~EmbeddedStore() = default;

Result<std::unique_ptr<EmbeddedStore>> EmbeddedStore::open(Env& env, const EmbeddedOptions& options) {
  auto impl = std::make_unique<Impl>(env, options);
  TRY(impl->open());
  std::unique_ptr<EmbeddedStore> store(new EmbeddedStore(std::move(impl)));
  store->impl_->store->set_driver(store.get());
  TRY(store->impl_->begin_term());
  return store;
}

Status EmbeddedStore::Impl::open() {
  TRY_ASSIGN(backend, Backend::open(env, options.backend));
  TRY_ASSIGN(store, MvccStore::open(env, *backend));
  TRY(backend->replay([this](const LogEntry& entry) -> Status {
    TRY_ASSIGN(const CommandResult result, store->apply(entry));
    return {};
  }));
  proposer.emplace(*store, *backend, env.random, options.proposer);
  hub.emplace(env, *backend, *store, options.watch);
  applier.emplace(env, *backend, *store, [this](const Error& error) { stop(error); });
  housekeeper.emplace(*store, *backend, *proposer,
                      HousekeeperOptions{.compactor = options.compactor, .member = options.backend.node_id});
  backend->on_failure([this](const Error& error) { stop(error); });
  return {};
}

// A term of its own, durable before anything is written in it; then its first entry.
Status EmbeddedStore::Impl::begin_term() {
  wal::Wal& log = backend->log();
  term = std::max(log.hard_state().term, log.last_term()).next();
  std::optional<Status> saved;
  log.save_hard_state(term, options.backend.node_id, [&saved](const Status& status) { saved = status; });
  TRY(wait([&saved] { return saved.has_value(); }));
  TRY(std::move(*saved));
  last_time = time_base = store->applied().log_time;
  time_started = last_entry = env.clock.now();
  if (log.last_index() == LogIndex{}) {
    GroupConfiguration first{options.backend.cluster_id, {{options.backend.node_id, env.random.uuid()}}};
    TRY(append(LogEntryType::kConfiguration, encode_configuration(first), nullptr));
  }
  TRY(append(LogEntryType::kNoop, {}, nullptr));
  TRY(wait([this] { return proposed.empty(); }));
  housekeeper->start_leading();
  timer.start(kTick, [this] { tick(); });
  return {};
}

Status EmbeddedStore::Impl::append(LogEntryType type, std::string payload, Done done) {
  if (failure || closed) return api_error(ApiError::kStopped);
  wal::Wal& log = backend->log();
  const LogIndex index = log.last_index().next();
  Proposed& item = proposed[index];
  item.payload = std::move(payload);
  item.done = std::move(done);
  last_time = log_now();
  item.entry = {type, term, index, last_time, as_bytes(item.payload)};
  last_entry = env.clock.now();
  const auto appended = log.append(
      {&item.entry, 1}, [this, index](const Result<AppendToken>& token) { on_durable(index, token); });
  if (appended.ok()) return {};
  proposed.erase(index);
  if (appended.error().code() == ErrorCode::kResourceExhausted) return api_error(ApiError::kTooManyRequests);
  return appended.error();
}

// In a group of one, durable is committed.
void EmbeddedStore::Impl::on_durable(LogIndex index, const Result<AppendToken>& token) {
  if (failure) return;
  if (!token.ok()) return stop(token.error());
  backend->log().note_commit(index);
  applier->enqueue(proposed.at(index).entry, [this, index](CommandResult result) {
    Done done = std::move(proposed.at(index).done);
    proposed.erase(index);
    if (done) done(std::move(result));
  });
}

void EmbeddedStore::Impl::stop(const Error& error) {
  if (failure) return;
  failure = error;
  timer.stop();
  // Their fate isn't known.
  env.executor.post([this, token = alive] {
    if (!*token) return;
    // Payloads stay: the applier borrows them.
    for (auto& [index, item] : proposed)
      if (Done done = std::exchange(item.done, nullptr)) done(api_error(ApiError::kStopped));
  });
}

void EmbeddedStore::Impl::tick() {
  timer.start(kTick, [this] { tick(); });
  const auto output = housekeeper->tick({env.clock.now(), log_now(), term, last_entry});
  if (!output.ok()) {
    env.logger.error("mvcc", "housekeeping failed", {{"error", output.error().describe()}});
    return;
  }
  // What can't be appended now is proposed again by a later tick.
  for (const std::string& command : output->commands)
    (void)append(LogEntryType::kCommand, command, nullptr).ok();
  if (output->time_entry) (void)append(LogEntryType::kNoop, {}, nullptr).ok();
}

Status EmbeddedStore::Impl::wait(const std::function<bool()>& done) {
  const bool ended = env.executor.run_until([&] { return done() || failure.has_value(); });
  if (!ended || (failure && !done())) return api_error(ApiError::kStopped);
  return {};
}

void EmbeddedStore::propose(std::string command, Done done) {
  auto shared = std::make_shared<Done>(std::move(done));
  const Status appended =
      impl_->append(LogEntryType::kCommand, std::move(command),
                    [shared](Result<CommandResult> result) { (*shared)(std::move(result)); });
  if (!appended.ok()) impl_->env.executor.post([shared, error = appended.error()] { (*shared)(error); });
}

Result<CommandResult> EmbeddedStore::execute(std::string command) {
  auto answer = std::make_shared<std::optional<Result<CommandResult>>>();
  propose(std::move(command), [answer](Result<CommandResult> result) { answer->emplace(std::move(result)); });
  const bool ended = impl_->env.executor.run_until([&] { return answer->has_value(); });
  if (!ended || !answer->has_value()) return api_error(ApiError::kStopped);
  return std::move(**answer);
}

MvccStore& EmbeddedStore::store() { return *impl_->store; }
WatchHub& EmbeddedStore::watches() { return *impl_->hub; }
Backend& EmbeddedStore::backend() { return *impl_->backend; }
Proposer& EmbeddedStore::proposer() { return *impl_->proposer; }
Term EmbeddedStore::term() const { return impl_->term; }
LogTime EmbeddedStore::log_now() const { return impl_->log_now(); }

Status EmbeddedStore::failed() const { return impl_->failure ? Status(*impl_->failure) : Status(); }

Status EmbeddedStore::close() {
  impl_->timer.stop();
  TRY(impl_->wait([this] { return impl_->proposed.empty() && impl_->applier->idle(); }));
  impl_->closed = true;
  return impl_->backend->close();
}

}  // namespace revd

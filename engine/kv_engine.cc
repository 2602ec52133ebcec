#include "engine/kv_engine.h"

#include <utility>

#include "base/strings.h"

namespace revd {

Result<std::unique_ptr<KvEngine>> KvEngine::open(Env& env, const BackendConfig& config,
                                                 const KvOptions& options) {
  std::unique_ptr<KvEngine> engine(new KvEngine(env, options));
  TRY_ASSIGN(engine->backend_, Backend::open(env, config));
  TRY(engine->start());
  return engine;
}

KvEngine::~KvEngine() = default;

Status KvEngine::start() {
  TRY(backend_->replay([this](const LogEntry& entry) { return apply(entry); }));
  wal::Wal& log = backend_->log();
  term_ = std::max(log.hard_state().term, log.last_term()).next();
  std::optional<Status> saved;
  log.save_hard_state(term_, NodeId(0), [&saved](const Status& status) { saved = status; });
  env_.executor.run_until([&saved] { return saved.has_value(); });
  if (!saved) return Error(ErrorCode::kCancelled, "the loop was stopped while opening");
  return std::move(*saved);
}

Status KvEngine::check(const WriteBatch& batch) const {
  if (batch.empty()) return Error(ErrorCode::kInvalidArgument, "the batch is empty");
  return for_each_op(batch.encoded(), [](const BatchOp& op) -> Status {
    if (op.key.empty()) return Error(ErrorCode::kInvalidArgument, "a key is empty");
    return {};
  });
}

Status KvEngine::write(const WriteBatch& batch, Done done) {
  TRY(check(batch));
  TRY(backend_->failed());
  wal::Wal& log = backend_->log();
  LogEntry entry{.type = LogEntryType::kCommand,
                 .term = term_,
                 .index = log.last_index().next(),
                 .time = LogTime(0),
                 .payload = batch.encoded()};
  auto token = log.append({&entry, 1}, [this](const Result<AppendToken>& durable) { on_durable(durable); });
  if (!token.ok()) return std::move(token).error();
  Waiting waiting{.payload = {}, .entry = entry, .done = std::move(done)};
  if (options_.apply_ahead) {
    TRY(apply(entry));
  } else {
    waiting.payload = as_view(entry.payload);
  }
  waiting_.push_back(std::move(waiting));
  return {};
}

void KvEngine::on_durable(const Result<AppendToken>& token) {
  CHECK(!waiting_.empty());
  Waiting waiting = std::move(waiting_.front());
  waiting_.pop_front();
  Status status;
  if (!token.ok()) {
    status = token.error();
  } else if (!options_.apply_ahead) {
    waiting.entry.payload = as_bytes(waiting.payload);
    status = apply(waiting.entry);
  }
  waiting.done(std::move(status));
}

Status KvEngine::apply(const LogEntry& entry) {
  const AppliedPosition position{.index = entry.index, .term = entry.term, .log_time = entry.time};
  if (entry.type != LogEntryType::kCommand) {
    backend_->commit(backend_->begin_write(), position);
    return {};
  }
  // Trees are made before the transaction opens.
  std::map<std::string, TreeId, std::less<>> trees;
  const auto ensure = [&](const BatchOp& op) -> Status {
    if (trees.contains(op.tree)) return {};
    TRY_ASSIGN(const TreeId id,
               backend_->ensure_tree(op.tree, {.leaf_page_bytes = options_.leaf_page_bytes}));
    trees.emplace(op.tree, id);
    return {};
  };
  TRY(for_each_op(entry.payload, ensure));

  WriteTxn txn = backend_->begin_write();
  const auto change = [&](const BatchOp& op) -> Status {
    const TreeId tree = trees.find(op.tree)->second;
    if (!op.erase) return txn.put(tree, op.key, op.value);
    TRY(txn.erase(tree, op.key));
    return {};
  };
  TRY(for_each_op(entry.payload, change));
  backend_->commit(std::move(txn), position);
  return {};
}

Result<std::optional<std::string>> KvEngine::get(std::string_view tree, std::string_view key) {
  const auto id = backend_->find_tree(tree);
  if (!id) return std::optional<std::string>();
  std::string value;
  TRY_ASSIGN(const bool found, backend_->snapshot().get(*id, key, value));
  if (!found) return std::optional<std::string>();
  return std::optional<std::string>(std::move(value));
}

Status KvEngine::close() {
  env_.executor.run_until([this] { return waiting_.empty(); });
  return backend_->close();
}

}  // namespace revd

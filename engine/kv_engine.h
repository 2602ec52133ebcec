// KvEngine: Backend as a plain key-value engine: named trees, atomic and durable write batches.
//
// A batch is one log entry. Writes are acknowledged, and become visible, in order, when they are durable.
// Thread rule, blocking calls and failures as engine/backend.h. Keys have at least one byte.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/backend.h"
#include "engine/write_batch.h"

namespace revd {

struct KvOptions {
  // Pages of new trees' leaves: 8192 or 16384.
  uint32_t leaf_page_bytes = 8192;
  // Applies a batch when it is appended, before it is durable, as a replica does whose majority is
  // elsewhere. Readers then see what a crash may still take back.
  bool apply_ahead = false;
};

class KvEngine {
 public:
  // Opens and replays; starts a new term, so that entries of different starts can be told apart.
  static Result<std::unique_ptr<KvEngine>> open(Env& env, const BackendConfig& config,
                                                const KvOptions& options = {});
  ~KvEngine();

  using Done = std::move_only_function<void(Status)>;
  // `done` comes when the batch is durable and visible, or with the error that stopped the engine.
  // kInvalidArgument (nothing changed): empty, an empty key, or too large for the log.
  Status write(const WriteBatch& batch, Done done);

  // nullopt: no such tree or key. Blocks on a page that isn't in memory.
  Result<std::optional<std::string>> get(std::string_view tree, std::string_view key);
  Snapshot snapshot() { return backend_->snapshot(); }
  std::optional<TreeId> find_tree(std::string_view name) const { return backend_->find_tree(name); }

  Backend& backend() { return *backend_; }
  // Blocks: waits for what was written, then a last checkpoint.
  Status close();

 private:
  KvEngine(Env& env, const KvOptions& options) : env_(env), options_(options) {}
  Status start();
  Status check(const WriteBatch& batch) const;
  Status apply(const LogEntry& entry);
  void on_durable(const Result<AppendToken>& token);

  struct Waiting {
    std::string payload;  // empty if applied already
    LogEntry entry;
    Done done;
  };

  Env& env_;
  KvOptions options_;
  std::unique_ptr<Backend> backend_;
  Term term_;
  std::deque<Waiting> waiting_;  // appended and not yet durable, in order
};

}  // namespace revd

// EmbeddedStore: a store of its own in a directory, for one program.
//
// Opens Backend and MvccStore, replays the log, and then drives what a server's node drives: propose, append,
// durable, committed (a group of one: what is durable is committed), applied, answered.
// Thread rule: the reactor thread of Env; calls that answer with a Result block and may not be made from
// within a task or completion. Owns everything it opens; borrows Env. Errors: the table in mvcc/README.md;
// `server stopped` after close() or after a failure of its disk (failed() says which).
#pragma once

#include <memory>
#include <optional>

#include "base/env.h"
#include "engine/backend.h"
#include "mvcc/applier.h"
#include "mvcc/command_driver.h"
#include "mvcc/housekeeper.h"
#include "mvcc/proposer.h"
#include "mvcc/store.h"
#include "mvcc/watch_hub.h"

namespace revd {

struct EmbeddedOptions {
  BackendConfig backend;
  ProposerOptions proposer;
  CompactorOptions compactor;
  WatchOptions watch;
};

class EmbeddedStore : public CommandDriver {
 public:
  static Result<std::unique_ptr<EmbeddedStore>> open(Env& env, const EmbeddedOptions& options);
  ~EmbeddedStore() override;

  // Reads, and the blocking calls of an embedding program.
  MvccStore& store();
  WatchHub& watches();
  Backend& backend();

  // ---- CommandDriver. ----
  void propose(std::string command, Done done) override;
  Result<CommandResult> execute(std::string command) override;
  Proposer& proposer() override;

  // A term of its own for this process, and the log time that an entry would get now.
  Term term() const;
  LogTime log_now() const;
  // Waits until everything proposed is applied, writes a last checkpoint and closes the log. Blocks.
  Status close();
  Status failed() const;

 private:
  struct Impl;
  explicit EmbeddedStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace revd

// CommandDriver: where commands go to become entries of the log, be committed and applied.
//
// Implementations: EmbeddedStore, and the node of a server. Thread rule: the reactor thread.
#pragma once

#include <functional>
#include <string>

#include "mvcc/command/command.h"

namespace revd {

class Proposer;

class CommandDriver {
 public:
  virtual ~CommandDriver() = default;
  using Done = std::move_only_function<void(Result<CommandResult>)>;

  // `command` as the proposer encoded it. `done` comes when it is applied and published, never inside this
  // call; with an error (`server stopped`, ...) if its fate isn't known.
  virtual void propose(std::string command, Done done) = 0;
  // The same, blocking. Not from within a task or completion.
  virtual Result<CommandResult> execute(std::string command) = 0;
  virtual Proposer& proposer() = 0;
};

}  // namespace revd

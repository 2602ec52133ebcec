// Opening a data directory: the lock, the choice of a superblock, and the log it agrees with.
//
// Internal to the engine. Blocks. The order and its reasons: engine/README.md, "Opening".
#pragma once

#include <memory>
#include <vector>

#include "base/env.h"
#include "engine/backend.h"

namespace revd::engine_internal {

struct OpenedParts {
  FileHandle lock = kNoFile;
  std::unique_ptr<wal::Wal> log;
  std::unique_ptr<btree::PageFile> pages;
  RecoveryReport report;
};

Result<OpenedParts> open_parts(Env& env, const BackendConfig& config);

// The intact superblocks of a page file, newest first; what can't be read or decoded is left out.
Result<std::vector<btree::Superblock>> read_superblocks(Disk& disk, const std::string& path);

}  // namespace revd::engine_internal

// NodeSettings: what an operator chooses about one node. Plain data; units in the names.
#pragma once

#include <cstdint>
#include <string>

#include "engine/backend_config.h"
#include "mvcc/compactor.h"
#include "mvcc/proposer.h"
#include "mvcc/watch_hub.h"

namespace revd {

struct NodeSettings {
  // cluster_id 0: a new directory gets a random one.
  BackendConfig backend;
  ProposerOptions proposer;
  CompactorOptions compactor;
  WatchOptions watch;
  size_t expire_batch = 32;  // leases (sessions) ended by one command
  // Commands proposed and not yet applied; beyond it they are refused: `too many requests`.
  uint64_t unapplied_bytes_max = uint64_t{64} << 20;
};

}  // namespace revd

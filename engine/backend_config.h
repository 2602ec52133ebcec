// BackendConfig: what an operator or an embedding program chooses about storage.
//
// Plain data. Units are in the names. validate() says which value is wrong and what is allowed.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/result.h"

namespace revd {

struct BackendConfig {
  // Holds `data.revd` (the page file), `wal/` and `LOCK`. Made if missing (0700); its parent must exist.
  std::string data_dir;
  // Hard limit on pages in memory: clean, changed and superseded ones. 8 to 1,048,576.
  uint32_t cache_size_mb = 256;
  // A checkpoint starts this long after the one before, if anything changed. 10 to 3,600,000.
  uint32_t flush_interval_ms = 5000;
  // zstd for leaf pages and long values. false stores everything as it is.
  bool compression = true;

  // A checkpoint also starts after this much log. At least one segment.
  uint64_t checkpoint_log_bytes = uint64_t{64} << 20;
  // One file of the log. A multiple of 4096, 64 KiB to 1 GiB.
  uint64_t wal_segment_bytes = uint64_t{64} << 20;
  // Log writes in flight at once, 1 to 4.
  uint32_t wal_write_depth = 1;
  // Write + fdatasync instead of synchronous writes.
  bool wal_use_fdatasync = false;
  // The page file grows by a sixteenth of its size, at least and at most by these.
  uint64_t grow_bytes_min = uint64_t{4} << 20;
  uint64_t grow_bytes_max = uint64_t{1} << 30;
  // A snapshot that is older or pins more than this reads no more ("snapshot expired").
  uint32_t snapshot_age_ms_max = 60'000;
  uint64_t snapshot_pinned_bytes_max = uint64_t{256} << 20;

  // Names of a new data directory; an existing one keeps its own.
  ClusterId cluster_id{1};
  NodeId node_id{1};

  Status validate() const;
};

}  // namespace revd

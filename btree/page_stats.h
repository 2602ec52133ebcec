// PageFileStats: what a page file counts, for metrics and tests. A plain value; units in the names.
#pragma once

#include <cstdint>

namespace revd::btree {

struct PageFileStats {
  uint64_t file_bytes = 0;        // as described by the space map (grown ahead of need included)
  uint64_t live_bytes = 0;        // what the newest durable checkpoint refers to
  uint64_t free_bytes = 0;        // whole blocks that may be written now
  uint64_t retired_bytes = 0;     // dead, but held by a superblock or a snapshot
  uint64_t cache_bytes = 0;       // arena
  uint64_t dirty_bytes = 0;       // frames of pages that were changed and not written
  uint64_t superseded_bytes = 0;  // frames that only snapshots or a running checkpoint need
  uint64_t free_frame_bytes = 0;
  uint64_t cache_misses = 0;  // in both modes
  uint64_t evictions = 0;
  uint64_t spilled_pages = 0;  // written out early
  uint64_t pages_written = 0;  // by checkpoints and spills
  uint64_t bytes_written = 0;  // the same, with padding, space map and superblocks
  uint64_t checkpoints = 0;    // completed since opening
  uint64_t snapshots_open = 0;
  uint64_t snapshots_expired = 0;
  uint64_t page_reads_repeated = 0;  // failed verification once
};

}  // namespace revd::btree

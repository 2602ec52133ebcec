// Packing extents back to back into runs of free blocks.
//
// An extent begins at the sector after the previous one's end, in the same block if need be; what is left of
// a call's last block stays unused until the whole block is free again, for a block that is durable is never
// written a second time. Thread rule: the reactor thread.
#pragma once

#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "btree/page_store.h"

namespace revd::btree {

struct PendingExtent {
  PagePointer pointer;  // sector 0 before, its place afterwards
  ByteSpan stored;      // pointer.stored_bytes() of them
};

// One write: whole blocks.
struct PackedWrite {
  uint64_t offset = 0;
  AlignedBuffer bytes;
};

// Gives every extent its place in the store's space map and its bytes to a write. Requires a loaded map.
std::vector<PackedWrite> pack_extents(PageStore& store, std::span<PendingExtent> extents);

}  // namespace revd::btree

#include "btree/cache.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace revd::btree {

namespace {

constexpr size_t kSlotBytesTotal = 2 * kHalfFrameBytes + 2 * (sizeof(Frame) + 1 + 4) + 4 * 16 + 2 * 8;
constexpr uint64_t kMinSlots = 16;

uint64_t halves_of(const Frame& frame) { return frame.full ? 2 : 1; }

}  // namespace

void PageRef::unpin(Cache& cache, FrameId frame) { cache.unpin(frame); }

Cache::Cache(uint64_t bytes) {
  const uint64_t slots = std::max(kMinSlots, bytes / kSlotBytesTotal);
  arena_ = AlignedBuffer(slots * 2 * kHalfFrameBytes);
  frames_.resize(slots * 2);
  uses_.resize(slots * 2);
  pins_.resize(slots * 2);
  const size_t table_size = std::bit_ceil(slots * 4);
  table_.resize(table_size);
  table_mask_ = table_size - 1;
  table_shift_ = 64 - static_cast<unsigned>(std::countr_zero(table_size));
  ghosts_.resize(std::bit_ceil(slots * 2));
  pinned_halves_max_ = slots;
  for (uint64_t slot = slots; slot-- > 0;) {
    frames_[slot * 2].full = true;
    push(FrameList::kFreeFull, static_cast<FrameId>(slot * 2));
  }
}

size_t Cache::find_slot(uint64_t sector) const {
  size_t i = slot_of(sector);
  while (table_[i].sector != 0 && table_[i].sector != sector) i = (i + 1) & table_mask_;
  return i;
}

void Cache::table_insert(uint64_t sector, uint64_t checksum, FrameId frame) {
  TableEntry& entry = table_[find_slot(sector)];
  CHECK(entry.sector == 0);
  entry = {.sector = sector, .check = static_cast<uint32_t>(checksum), .frame = frame};
}

// Closes the gap, so that no probe sequence is cut (no tombstones).
void Cache::table_erase(size_t slot) {
  size_t gap = slot;
  for (size_t i = (gap + 1) & table_mask_; table_[i].sector != 0; i = (i + 1) & table_mask_) {
    const size_t home = slot_of(table_[i].sector);
    if (((i - home) & table_mask_) >= ((i - gap) & table_mask_)) {
      table_[gap] = table_[i];
      gap = i;
    }
  }
  table_[gap] = TableEntry();
}

void Cache::push(FrameList which, FrameId id) {
  List& list = lists_[static_cast<size_t>(which)];
  Frame& frame = frames_[id];
  frame.list = which;
  frame.previous = kNoFrame;
  frame.next = list.head;
  if (list.head != kNoFrame) frames_[list.head].previous = id;
  list.head = id;
  if (list.tail == kNoFrame) list.tail = id;
  list.halves += halves_of(frame);
}

void Cache::unlink(FrameId id) {
  Frame& frame = frames_[id];
  if (frame.list == FrameList::kNone) return;
  List& list = lists_[static_cast<size_t>(frame.list)];
  (frame.previous == kNoFrame ? list.head : frames_[frame.previous].next) = frame.next;
  (frame.next == kNoFrame ? list.tail : frames_[frame.next].previous) = frame.previous;
  list.halves -= halves_of(frame);
  frame.list = FrameList::kNone;
  frame.previous = frame.next = kNoFrame;
}

FrameId Cache::allocate(size_t bytes) {
  CHECK(bytes > 0 && bytes <= 2 * kHalfFrameBytes);
  const bool full = bytes > kHalfFrameBytes;
  const auto available = [&] {
    return newest(FrameList::kFreeFull) != kNoFrame || (!full && newest(FrameList::kFreeHalf) != kNoFrame);
  };
  while (!available())
    if (!evict_one()) return kNoFrame;
  FrameId id = full ? kNoFrame : newest(FrameList::kFreeHalf);
  if (id != kNoFrame) {
    unlink(id);
  } else {
    id = newest(FrameList::kFreeFull);
    unlink(id);
    if (!full) {
      frames_[id].full = frames_[buddy(id)].full = false;
      push(FrameList::kFreeHalf, buddy(id));
    }
  }
  Frame& frame = frames_[id];
  frame.state = FrameState::kTaken;
  frame.bytes = static_cast<uint32_t>(bytes);
  frame.may_refer_to_dirty = false;
  uses_[id] = 0;
  return id;
}

bool Cache::reserve_slots(size_t slots) {
  while (list_bytes(FrameList::kFreeFull) < slots * 2 * kHalfFrameBytes)
    if (!evict_one()) return false;
  return true;
}

void Cache::free_frame(FrameId id) {
  Frame& frame = frames_[id];
  frame.state = FrameState::kFree;
  if (!frame.full) {
    Frame& other = frames_[buddy(id)];
    if (other.state != FrameState::kFree) {
      push(FrameList::kFreeHalf, id);
      return;
    }
    unlink(buddy(id));
    id &= ~FrameId{1};
    frames_[id].full = true;
  }
  push(FrameList::kFreeFull, id);
}

void Cache::enqueue_clean(FrameId id, bool used_before) {
  if (frames_[id].type == PageType::kInner)
    push(FrameList::kInner, id);
  else
    push(used_before ? FrameList::kMain : FrameList::kSmall, id);
}

void Cache::insert_clean(FrameId id, TreeId tree, const PagePointer& pointer) {
  Frame& frame = frames_[id];
  CHECK(frame.state == FrameState::kTaken);
  drop_sector(pointer.sector());
  frame.pointer = pointer;
  frame.tree = tree;
  frame.type = pointer.type();
  frame.state = FrameState::kClean;
  table_insert(pointer.sector(), pointer.checksum(), id);
  enqueue_clean(id, remembered(pointer.sector()));
}

void Cache::insert_dirty(FrameId id, TreeId tree, PageType type, DirtyId dirty_id, uint64_t version) {
  Frame& frame = frames_[id];
  CHECK(frame.state == FrameState::kTaken);
  frame.tree = tree;
  frame.type = type;
  frame.dirty_id = dirty_id;
  frame.version = version;
  frame.state = FrameState::kDirty;
  push(type == PageType::kInner ? FrameList::kDirtyInner : FrameList::kDirtyLow, id);
}

void Cache::make_clean(FrameId id, const PagePointer& pointer) {
  Frame& frame = frames_[id];
  CHECK(frame.state == FrameState::kDirty || frame.state == FrameState::kSuperseded);
  unlink(id);
  drop_sector(pointer.sector());
  frame.pointer = pointer;
  frame.state = FrameState::kClean;
  frame.may_refer_to_dirty = false;
  table_insert(pointer.sector(), pointer.checksum(), id);
  enqueue_clean(id, uses_[id] > 1);
  uses_[id] = 0;
}

void Cache::make_dirty(FrameId id, DirtyId dirty_id, uint64_t version) {
  Frame& frame = frames_[id];
  CHECK(frame.state == FrameState::kClean);
  unlink(id);
  table_erase(find_slot(frame.pointer.sector()));
  frame.state = FrameState::kTaken;
  insert_dirty(id, frame.tree, frame.type, dirty_id, version);
}

void Cache::supersede(FrameId id) {
  CHECK(frames_[id].state == FrameState::kDirty);
  unlink(id);
  frames_[id].state = FrameState::kSuperseded;
  push(FrameList::kSuperseded, id);
}

void Cache::drop(FrameId id) {
  Frame& frame = frames_[id];
  CHECK(frame.state != FrameState::kFree && frame.state != FrameState::kOrphan);
  unlink(id);
  if (frame.state == FrameState::kClean) table_erase(find_slot(frame.pointer.sector()));
  if (pins_[id] > 0)
    frame.state = FrameState::kOrphan;
  else
    free_frame(id);
}

void Cache::drop_sector(uint64_t sector) {
  const TableEntry& entry = table_[find_slot(sector)];
  if (entry.sector == sector) drop(entry.frame);
}

bool Cache::evictable(FrameId id) const { return frames_[id].state == FrameState::kClean && pins_[id] == 0; }

void Cache::evict(FrameId id) {
  ++evictions_;
  const Frame frame = frames_[id];
  if (frame.list == FrameList::kSmall) remember(frame.pointer.sector());
  drop(id);
  // A lone half is of little use to who needs a whole slot.
  if (!frame.full && frames_[buddy(id)].state == FrameState::kClean && evictable(buddy(id)) &&
      uses_[buddy(id)] == 0 && frames_[buddy(id)].type != PageType::kInner) {
    ++evictions_;
    drop(buddy(id));
  }
}

// The first unpinned, unused frame from the queue's old end; those used go on to the main queue or, in it, to
// its front with one use less. kNoFrame after a bounded number of steps.
FrameId Cache::victim_of(FrameList which) {
  uint64_t steps = lists_[static_cast<size_t>(which)].halves * (kMaxUses + 2);
  for (FrameId id = oldest(which); id != kNoFrame && steps > 0; --steps, id = oldest(which)) {
    if (evictable(id) && uses_[id] == 0) return id;
    unlink(id);
    const bool promote = which == FrameList::kSmall && uses_[id] > 1;
    if (uses_[id] > 0) promote ? uses_[id] = 0 : --uses_[id];
    push(promote ? FrameList::kMain : which, id);
  }
  return kNoFrame;
}

bool Cache::evict_one() {
  const uint64_t all = frames_.size() * kHalfFrameBytes;
  const uint64_t small = list_bytes(FrameList::kSmall);
  std::array<FrameList, 3> order = {FrameList::kSmall, FrameList::kMain, FrameList::kInner};
  if (small < all / 10 && list_bytes(FrameList::kMain) > 0) std::swap(order[0], order[1]);
  if (list_bytes(FrameList::kInner) > all / 2) std::rotate(order.begin(), order.begin() + 2, order.end());
  for (const FrameList list : order) {
    const FrameId id = victim_of(list);
    if (id == kNoFrame) continue;
    evict(id);
    return true;
  }
  return false;
}

void Cache::remember(uint64_t sector) {
  const uint64_t hash = sector * 0xd6e8feb86659fd93ull;
  ghosts_[hash & (ghosts_.size() - 1)] = {.fingerprint = static_cast<uint32_t>(hash >> 32),
                                          .when = ghost_clock_++};
}

bool Cache::remembered(uint64_t sector) const {
  const uint64_t hash = sector * 0xd6e8feb86659fd93ull;
  const Ghost& ghost = ghosts_[hash & (ghosts_.size() - 1)];
  return ghost.when != 0 && ghost.fingerprint == static_cast<uint32_t>(hash >> 32) &&
         ghost_clock_ - ghost.when <= ghosts_.size();
}

}  // namespace revd::btree

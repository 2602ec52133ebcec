// Cache: one arena of page frames, and who may leave it.
//
// The arena is a hard limit: clean, dirty and superseded pages all lie in it. It consists of slots of
// 16 KiB, each used as one frame or as two halves of 8 KiB. A frame is named by the number of its first
// half (FrameId), so a page's address is arena + frame * 8192.
//
// States. kFree -> kTaken (being filled) -> kClean (found by sector, may be evicted) or kDirty (found by the
// page table, changeable) -> kSuperseded (a dirty page that only older versions need); kOrphan: dropped
// while pinned, free at its last unpin. Eviction takes unpinned clean frames alone, in S3-FIFO order (a
// small queue for what is new, a main one for what was used again, a memory of what left the small one),
// inner nodes last. Making dirty frames clean is the PageStore's work.
//
// Thread rule: the reactor thread; a worker may read a pinned frame's bytes that nobody changes.
// Nothing here fails but allocate() and pin_for_reader(). Requirements are CHECKed. Units in the names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "btree/page_pointer.h"
#include "btree/page_ref.h"

namespace revd::btree {

inline constexpr size_t kHalfFrameBytes = 8192;

enum class FrameState : uint8_t { kFree, kTaken, kClean, kDirty, kSuperseded, kOrphan };

// Each frame is in one list, or in none (kTaken, kOrphan).
enum class FrameList : uint8_t {
  kNone,
  kFreeFull,
  kFreeHalf,
  kSmall,
  kMain,
  kInner,
  kDirtyLow,
  kDirtyInner,
  kSuperseded
};
inline constexpr size_t kFrameLists = 9;

struct Frame {
  PagePointer pointer;   // kClean: where it is on disk
  uint64_t version = 0;  // kDirty, kSuperseded: of the trees, in which the page was made
  DirtyId dirty_id;      // kDirty, kSuperseded
  TreeId tree;
  uint32_t bytes = 0;  // length of the page, at most the frame's
  PageType type = PageType::kNone;
  FrameState state = FrameState::kFree;
  FrameList list = FrameList::kNone;
  bool full = false;                // 16 KiB
  bool may_refer_to_dirty = false;  // may hold references by dirty id
  FrameId previous = kNoFrame;
  FrameId next = kNoFrame;
};

class Cache {
 public:
  // At least 16 slots are made whatever `bytes` is; the frames' bookkeeping counts.
  explicit Cache(uint64_t bytes);
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  // The hot path: the clean frame of the page at that place, or kNoFrame. Counts as a use.
  FrameId find(uint64_t sector, uint64_t checksum) {
    for (size_t i = slot_of(sector);; i = (i + 1) & table_mask_) {
      const TableEntry& entry = table_[i];
      if (entry.sector == sector && entry.check == static_cast<uint32_t>(checksum)) {
        touch(entry.frame);
        return entry.frame;
      }
      if (entry.sector == 0) return kNoFrame;
    }
  }
  void touch(FrameId frame) {
    if (uses_[frame] < kMaxUses) ++uses_[frame];
  }
  std::byte* data(FrameId frame) { return arena_.data() + size_t{frame} * kHalfFrameBytes; }
  MutableByteSpan page(FrameId frame) { return {data(frame), frames_[frame].bytes}; }
  Frame& frame(FrameId id) { return frames_[id]; }

  // A frame for a page of `bytes`, kTaken, evicting clean ones if need be; kNoFrame: nothing can be evicted.
  FrameId allocate(size_t bytes);
  // Evicts until that many slots are free: false if it can't be done.
  bool reserve_slots(size_t slots);
  // kTaken -> kClean. A page known under the same sector is dropped first.
  void insert_clean(FrameId frame, TreeId tree, const PagePointer& pointer);
  // kTaken -> kDirty.
  void insert_dirty(FrameId frame, TreeId tree, PageType type, DirtyId id, uint64_t version);
  // kDirty or kSuperseded -> kClean, once it is known where its bytes are (about to be) on disk.
  void make_clean(FrameId frame, const PagePointer& pointer);
  // kClean -> kDirty in place. Requires that nobody else needs the clean page.
  void make_dirty(FrameId frame, DirtyId id, uint64_t version);
  // kDirty -> kSuperseded.
  void supersede(FrameId frame);
  // Any state -> kFree, or kOrphan while it is pinned.
  void drop(FrameId frame);
  // Drops the clean page at that place, if it is here: its sectors may get other contents.
  void drop_sector(uint64_t sector);

  // A pin keeps a frame where it is and what it is. Pins of readers are limited to half of the cache, so that
  // writers always find frames: false if that is reached.
  [[nodiscard]] bool pin_for_reader(FrameId frame) {
    if (pins_[frame] == 0 && pinned_halves_ >= pinned_halves_max_) return false;
    pin(frame);
    return true;
  }
  void pin(FrameId frame) {
    if (pins_[frame]++ == 0) ++pinned_halves_;
  }
  void unpin(FrameId frame) {
    if (--pins_[frame] > 0) return;
    --pinned_halves_;
    if (frames_[frame].state == FrameState::kOrphan) free_frame(frame);
  }
  uint32_t pins(FrameId frame) const { return pins_[frame]; }

  // Iteration over a list: newest first with next, oldest first with previous.
  FrameId newest(FrameList list) const { return lists_[static_cast<size_t>(list)].head; }
  FrameId oldest(FrameList list) const { return lists_[static_cast<size_t>(list)].tail; }
  // Bytes of frames (not pages) in a list.
  uint64_t list_bytes(FrameList list) const {
    return lists_[static_cast<size_t>(list)].halves * kHalfFrameBytes;
  }
  uint64_t arena_bytes() const { return arena_.size(); }
  uint64_t evictions() const { return evictions_; }

 private:
  struct TableEntry {
    uint64_t sector = 0;  // 0: empty (block 0 holds no page)
    uint32_t check = 0;   // low bits of the checksum: a stale page under the same sector is no hit
    FrameId frame = kNoFrame;
  };
  struct List {
    FrameId head = kNoFrame;
    FrameId tail = kNoFrame;
    uint64_t halves = 0;
  };
  static constexpr uint8_t kMaxUses = 3;

  size_t slot_of(uint64_t sector) const { return (sector * 0x9e3779b97f4a7c15ull) >> table_shift_; }
  size_t find_slot(uint64_t sector) const;
  void table_insert(uint64_t sector, uint64_t checksum, FrameId frame);
  void table_erase(size_t slot);
  void push(FrameList list, FrameId frame);
  void unlink(FrameId frame);
  FrameId buddy(FrameId frame) const { return frame ^ 1u; }
  bool evictable(FrameId frame) const;
  bool evict_one();
  FrameId victim_of(FrameList list);
  void evict(FrameId frame);
  void free_frame(FrameId frame);
  void remember(uint64_t sector);
  bool remembered(uint64_t sector) const;
  void enqueue_clean(FrameId frame, bool used_before);

  AlignedBuffer arena_;
  std::vector<Frame> frames_;
  std::vector<uint8_t> uses_;   // apart from Frame: written at every hit
  std::vector<uint32_t> pins_;  // likewise
  std::vector<TableEntry> table_;
  size_t table_mask_ = 0;
  unsigned table_shift_ = 0;
  std::array<List, kFrameLists> lists_;
  uint64_t pinned_halves_ = 0;
  uint64_t pinned_halves_max_ = 0;
  uint64_t evictions_ = 0;
  // S3-FIFO's ghost queue: by hash, which sector left the small queue, and when.
  struct Ghost {
    uint32_t fingerprint = 0;
    uint32_t when = 0;
  };
  std::vector<Ghost> ghosts_;
  uint32_t ghost_clock_ = 1;
};

}  // namespace revd::btree

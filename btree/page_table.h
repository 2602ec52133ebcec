// PageTable: where the pages are that references by dirty id mean.
//
// An entry begins with a frame (the page was made or changed in memory) and ends, once a checkpoint or a
// spill has written the page, with a pointer to its place on disk. Entries with a pointer are erased after
// all references in memory were replaced by it (PageStore::settle_references). An id carries a generation, so
// that a stale one is recognised instead of meaning another page.
// Thread rule: the reactor thread. Not on disk.
#pragma once

#include <cstdint>
#include <vector>

#include "base/check.h"
#include "btree/page_pointer.h"
#include "btree/page_ref.h"

namespace revd::btree {

class PageTable {
 public:
  struct Entry {
    PagePointer written;  // null: not yet, see frame
    FrameId frame = kNoFrame;
    uint64_t superseded_in = 0;  // the version whose live trees no longer refer to it; 0: they do
  };

  DirtyId insert(FrameId frame) {
    uint32_t index = free_;
    if (index == kNone) {
      index = static_cast<uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      free_ = slots_[index].next_free;
    }
    Slot& slot = slots_[index];
    slot.entry = Entry{.written = {}, .frame = frame};
    slot.used = true;
    ++size_;
    return DirtyId((uint64_t{slot.generation} << 32) | index);
  }

  // Null for an id whose entry was erased.
  Entry* find(DirtyId id) {
    const auto index = static_cast<uint32_t>(id.value());
    if (index >= slots_.size()) return nullptr;
    Slot& slot = slots_[index];
    return slot.used && slot.generation == id.value() >> 32 ? &slot.entry : nullptr;
  }
  Entry& at(DirtyId id) {
    Entry* entry = find(id);
    CHECK(entry != nullptr);
    return *entry;
  }

  void erase(DirtyId id) {
    CHECK(find(id) != nullptr);
    free_slot(static_cast<uint32_t>(id.value()));
  }
  // Erases all entries that have a pointer.
  void erase_written() {
    for (uint32_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].used && !slots_[i].entry.written.is_null()) free_slot(i);
    written_ = 0;
  }
  // To be told whenever an entry gets its pointer: written() tells when it is time to settle.
  void count_written() { ++written_; }
  uint64_t written() const { return written_; }
  uint64_t size() const { return size_; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kGenerations = 1u << 24;  // ids have 56 bits
  struct Slot {
    Entry entry;
    uint32_t generation = 0;
    uint32_t next_free = kNone;
    bool used = false;
  };
  void free_slot(uint32_t index) {
    Slot& slot = slots_[index];
    slot.used = false;
    slot.generation = (slot.generation + 1) % kGenerations;
    slot.next_free = free_;
    free_ = index;
    --size_;
  }

  std::vector<Slot> slots_;
  uint32_t free_ = kNone;
  uint64_t size_ = 0;
  uint64_t written_ = 0;
};

}  // namespace revd::btree

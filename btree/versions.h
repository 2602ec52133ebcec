// Versions: the published versions of the trees, which of them are pinned, and what is kept for those.
//
// Every commit publishes version v+1. A version is pinned by open snapshots, by the checkpoint that is
// writing it, and by a transaction that preserves it. Rules:
//  - A dirty page made in version c may be changed in place if and only if c > newest_pinned().
//  - Otherwise the change makes a copy, and the old page (superseded in version w) is held by the newest pin
//  p,
//    c <= p < w. When p goes, the next older pin >= c takes it over, or nobody needs it any more. So
//    every page is held by exactly one pin, and moves only towards older ones.
//  - An extent retired by checkpoint R may be needed by pins made before R was frozen: oldest_extent_pin().
// Thread rule: the reactor thread. Owns the pins; whoever pinned unpins.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "btree/page_pointer.h"
#include "btree/superblock.h"

namespace revd::btree {

// The part of a TreeEntry that changes.
struct TreeRoot {
  TreeId id;
  uint32_t leaf_page_bytes = 0;
  uint8_t height = 0;
  uint64_t key_count = 0;
  PagePointer root;
};

struct Version {
  uint64_t number = 0;
  AppliedPosition applied;
  std::vector<TreeRoot> trees;  // tree id i is trees[i - 1]
};

struct HeldPage {
  DirtyId id;
  uint64_t made_in = 0;  // version
};

struct Pin {
  Version version;
  CheckpointId next_checkpoint;  // the one that would have been frozen next when this was pinned
  Instant pinned_at;
  uint32_t snapshots = 0;
  uint32_t essential = 0;  // by a checkpoint or transaction: can't expire
  bool expired = false;
  std::vector<HeldPage> held;
};

class Versions {
 public:
  enum class Holder : uint8_t { kSnapshot, kEssential };

  const Version& published() const { return published_; }
  Version& published() { return published_; }
  // Makes `trees` the published version.
  void publish(const std::vector<TreeRoot>& trees, const AppliedPosition& applied);

  // Pins the published version.
  Pin& pin(Holder holder, CheckpointId next_checkpoint, Instant now);
  void pin_again(Pin& pin, Holder holder) { ++(holder == Holder::kSnapshot ? pin.snapshots : pin.essential); }
  // Gives what nobody needs any more.
  [[nodiscard]] std::vector<HeldPage> unpin(Pin& pin, Holder holder);

  bool any_pinned() const { return !pins_.empty(); }
  // 0 if there is none.
  uint64_t newest_pinned() const { return newest_pinned_; }
  // Requires any_pinned(): the newest pin holds the page from now on.
  void hold(const HeldPage& page) { pins_.back()->held.push_back(page); }
  // The smallest next_checkpoint of all pins; the largest number if there is none.
  CheckpointId oldest_extent_pin() const;

  // Makes the oldest pin that only snapshots have expire; what they alone needed is given back in `freed`.
  // False: there is none.
  bool expire_oldest(std::vector<HeldPage>& freed);
  // When the oldest such pin was made; false if there is none.
  bool oldest_snapshot(Instant& pinned_at) const;

  const std::vector<std::unique_ptr<Pin>>& pins() const { return pins_; }
  uint64_t snapshots_open() const { return snapshots_open_; }

 private:
  void remove(size_t position, std::vector<HeldPage>& freed);
  size_t oldest_expirable() const;
  void update_newest() { newest_pinned_ = pins_.empty() ? 0 : pins_.back()->version.number; }

  Version published_;
  std::vector<std::unique_ptr<Pin>> pins_;  // versions ascending, not expired
  std::vector<std::unique_ptr<Pin>> expired_;
  std::vector<std::unique_ptr<Pin>> spare_;
  uint64_t newest_pinned_ = 0;
  uint64_t snapshots_open_ = 0;
};

}  // namespace revd::btree

// PageStore: pages changing hands: made, copied, superseded, released.
#include <cstring>

#include "base/check.h"
#include "base/mutant.h"
#include "base/strings.h"
#include "btree/node.h"
#include "btree/overflow_format.h"
#include "btree/page_store.h"

namespace revd::btree {

void PageStore::begin(bool preserve_published) {
  CHECK_MSG(!transaction_open_, "a transaction is open already");
  transaction_open_ = true;
  changed_ = false;
  if (preserve_published) preserve_pin_ = &pin(Versions::Holder::kEssential);
}

void PageStore::publish(const AppliedPosition& applied) {
  CHECK(transaction_open_ && !failure_);
  transaction_open_ = false;
  versions_.publish(live_, applied);
  for (const Extent& extent : retired_by_transaction_) space_.retire(extent, next_checkpoint_);
  retired_by_transaction_.clear();
  born_in_transaction_.clear();
  if (preserve_pin_ != nullptr) unpin(*std::exchange(preserve_pin_, nullptr), Versions::Holder::kEssential);
  enforce_snapshot_limits();
  // Pages that were spilled leave entries behind: no more of them than there are frames.
  if (table_.written() > cache_.arena_bytes() / kHalfFrameBytes) settle_references();
}

void PageStore::abandon() {
  CHECK(transaction_open_);
  transaction_open_ = false;
  if (changed_) fail(Error(ErrorCode::kInternal, "a transaction that had changed something was abandoned"));
  if (preserve_pin_ != nullptr) unpin(*std::exchange(preserve_pin_, nullptr), Versions::Holder::kEssential);
}

TreeRoot* PageStore::live_tree(TreeId tree) {
  const uint32_t number = tree.value();
  return number >= 1 && number <= live_.size() ? &live_[number - 1] : nullptr;
}

PageRef PageStore::new_page(TreeId tree, PageType type, size_t bytes, PagePointer& reference) {
  const FrameId frame = cache_.allocate(bytes);
  CHECK_MSG(frame != kNoFrame, "a page was made without having reserved room for it");
  const DirtyId id = table_.insert(frame);
  cache_.insert_dirty(frame, tree, type, id, versions_.published().number + 1);
  cache_.pin(frame);
  changed_ = true;
  if (type == PageType::kInner || type == PageType::kOverflowIndex)
    cache_.frame(frame).may_refer_to_dirty = true;
  reference = PagePointer::dirty(type, id);
  return PageRef(cache_, frame);
}

void PageStore::make_writable(PageRef& page, PagePointer& reference) {
  const FrameId old = page.frame();
  if (is_writable(old)) return;
  changed_ = true;
  const Frame meta = cache_.frame(old);
  CHECK(meta.state == FrameState::kClean || meta.state == FrameState::kDirty);
  if (meta.state == FrameState::kClean && !versions_.any_pinned() && cache_.pins(old) == 1) {
    const DirtyId id = table_.insert(old);
    cache_.make_dirty(old, id, versions_.published().number + 1);
    cache_.frame(old).may_refer_to_dirty = meta.type == PageType::kInner;
    release_on_disk(meta.pointer);
    reference = PagePointer::dirty(meta.type, id);
    return;
  }
  const PagePointer before = meta.state == FrameState::kClean ? meta.pointer : reference;
  PageRef copy = new_page(meta.tree, meta.type, meta.bytes, reference);
  std::memcpy(cache_.data(copy.frame()), cache_.data(old), meta.bytes);
  cache_.frame(copy.frame()).may_refer_to_dirty = meta.may_refer_to_dirty || meta.type == PageType::kInner;
  release(before);
  page = std::move(copy);
}

void PageStore::release(const PagePointer& reference) {
  if (reference.is_on_disk()) return release_on_disk(reference);
  const DirtyId id = reference.dirty_id();
  PageTable::Entry& entry = table_.at(id);
  if (!entry.written.is_null()) return release_on_disk(entry.written);
  changed_ = true;
  const uint64_t made_in = cache_.frame(entry.frame).version;
  if (made_in > versions_.newest_pinned()) {
    cache_.drop(entry.frame);
    table_.erase(id);
    return;
  }
  cache_.supersede(entry.frame);
  entry.superseded_in = versions_.published().number + 1;
  versions_.hold({.id = id, .made_in = made_in});
}

void PageStore::release_on_disk(const PagePointer& pointer) {
  changed_ = true;
  const Extent extent = extent_of(pointer);
  // Written early since the last freeze: no superblock will ever have referred to it.
  if (pointer.birth() == next_checkpoint_ && !versions_.any_pinned())
    space_.free_now(extent);
  else
    retire(extent, versions_.published().number + 1);
  if (!versions_.any_pinned()) cache_.drop_sector(pointer.sector());
}

// A checkpoint that begins before the transaction's commit freezes a version that still refers to the extent.
void PageStore::retire(const Extent& extent, uint64_t superseded_in) {
  if (superseded_in > versions_.published().number && preserving())
    retired_by_transaction_.push_back(extent);
  else
    space_.retire(extent, next_checkpoint_);
}

void PageStore::free_held(const std::vector<HeldPage>& pages) {
  for (const HeldPage& page : pages) {
    const PageTable::Entry* entry = table_.find(page.id);
    if (entry == nullptr || !entry->written.is_null())
      continue;  // on disk since: retired when it was written
    cache_.drop(entry->frame);
    table_.erase(page.id);
  }
}

void PageStore::enforce_snapshot_limits() {
  Instant oldest;
  std::vector<HeldPage> freed;
  while (versions_.oldest_snapshot(oldest)) {
    const bool too_old = options_.snapshot_age_max != Duration::zero() &&
                         env_.clock.now() - oldest > options_.snapshot_age_max;
    if (!too_old && cache_.list_bytes(FrameList::kSuperseded) <= options_.snapshot_pinned_bytes_max) return;
    freed.clear();
    if (!versions_.expire_oldest(freed)) return;
    ++stats_.snapshots_expired;
    free_held(freed);
  }
}

FrameId PageStore::unwritten_frame(DirtyId id) {
  const PageTable::Entry* entry = table_.find(id);
  return entry == nullptr || !entry->written.is_null() ? kNoFrame : entry->frame;
}

void PageStore::page_written(DirtyId id, const PagePointer& pointer) {
  PageTable::Entry& entry = table_.at(id);
  CHECK(entry.written.is_null());
  const FrameId frame = std::exchange(entry.frame, kNoFrame);
  entry.written = pointer;
  table_.count_written();
  ++stats_.pages_written;
  const uint64_t made_in = cache_.frame(frame).version;
  if (running_ && made_in > frozen_version_) born_later_.push_back(extent_of(pointer));
  if (made_in > versions_.published().number) born_in_transaction_.push_back(extent_of(pointer));
  cache_.make_clean(frame, pointer);
  if (entry.superseded_in != 0) retire(extent_of(pointer), entry.superseded_in);
}

void PageStore::start_checkpoint() {
  CHECK(!running_ && (!transaction_open_ || preserving()));
  running_ = true;
  running_checkpoint_ = next_checkpoint_;
  frozen_version_ = versions_.published().number;
  for (const Extent& extent : image_extents_) space_.retire(extent, running_checkpoint_);
  image_extents_.clear();
  born_later_ = born_in_transaction_;
  space_.search_from_start();
  next_checkpoint_ = running_checkpoint_.next();
}

void PageStore::end_checkpoint(const Superblock& written, const Hash128& hash) {
  CHECK(running_);
  running_ = false;
  newest_ = written;
  newest_hash_ = hash;
  predecessor_intact_ = true;
  ++stats_.checkpoints;
  const bool early = MUTANT(EarlyReuse);
  const CheckpointId oldest_pin = early ? next_checkpoint_ : versions_.oldest_extent_pin();
  space_.release(early ? written.sequence : written.predecessor, oldest_pin,
                 [this](const Extent& extent) { cache_.drop_sector(extent.sector); });
}

bool PageStore::settle_page(FrameId frame) {
  Frame& meta = cache_.frame(frame);
  if (!meta.may_refer_to_dirty) return true;
  bool settled = true;
  const MutableByteSpan page = cache_.page(frame);
  const auto settle = [&](size_t offset) {
    const PagePointer reference = PagePointer::load(page.data() + offset);
    if (!reference.is_dirty()) return;
    const PagePointer& written = table_.at(reference.dirty_id()).written;
    if (written.is_null())
      settled = false;
    else
      written.store(page.data() + offset);
  };
  if (meta.type == PageType::kOverflowIndex) {
    const size_t count = OverflowIndexView(page).count();
    for (size_t i = 0; i < count; ++i) settle(OverflowIndexView::child_offset(i));
  } else {
    NodeView(page).visit_pointer_offsets(settle);
  }
  if (settled) meta.may_refer_to_dirty = false;
  return settled;
}

void PageStore::settle_references() {
  for (const FrameList list : {FrameList::kDirtyLow, FrameList::kDirtyInner, FrameList::kSuperseded})
    for (FrameId frame = cache_.newest(list); frame != kNoFrame; frame = cache_.frame(frame).next)
      settle_page(frame);
  for (TreeRoot& tree : live_) tree.root = resolve(tree.root);
  // Inside a transaction that doesn't preserve it, the published version is gone already.
  if (!transaction_open_ || preserving())
    for (TreeRoot& tree : versions_.published().trees) tree.root = resolve(tree.root);
  for (const auto& pin : versions_.pins())
    for (TreeRoot& tree : pin->version.trees) tree.root = resolve(tree.root);
  table_.erase_written();
  // Cursors must not follow the references that they remember.
  ++changes_;
  ++settled_;
}

}  // namespace revd::btree

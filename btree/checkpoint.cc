#include "btree/checkpoint.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/mutant.h"
#include "btree/node.h"
#include "btree/overflow_format.h"

namespace revd::btree {

namespace {

constexpr size_t kLeafRank = 16;  // above any level of an overflow object
constexpr size_t kRanks = kLeafRank + kMaxTreeHeight;
constexpr size_t kBatchPagesMax = 32;

size_t rank_of(PageType type, ByteSpan page) {
  switch (type) {
    case PageType::kOverflow: return 0;
    case PageType::kOverflowIndex: return OverflowIndexView(page).level();
    default: return kLeafRank + NodeView(page).level();
  }
}

}  // namespace

Checkpointer::Checkpointer(PageStore& store)
    : store_(store),
      ranks_(kRanks),
      pages_per_batch_(
          std::clamp<size_t>(store.cache().arena_bytes() / kMaxPageBytes / 32, 4, kBatchPagesMax)),
      superblock_bytes_(kSuperblockBytes) {
  for (Batch& batch : batches_) batch.encoded = AlignedBuffer(pages_per_batch_ * kMaxPageBytes);
}

Checkpointer::~Checkpointer() = default;

void Checkpointer::start(const CheckpointInfo& info, Done done) {
  CHECK(!running_);
  running_ = true;
  info_ = info;
  done_ = std::move(done);
  error_.reset();
  Status status = store_.failed();
  if (status.ok()) status = freeze();
  if (status.ok()) {
    make_room();
    return;
  }
  fail(status.error());
  ++under_way_;
  store_.env().executor.post([this] {
    --under_way_;
    stopped();
  });
}

Status Checkpointer::freeze() {
  TRY(store_.load_space_map());
  store_.enforce_snapshot_limits();
  pin_ = &store_.pin(Versions::Holder::kEssential);
  store_.start_checkpoint();
  for (auto& rank : ranks_) rank.clear();
  rank_ = next_in_rank_ = 0;
  for (const TreeRoot& tree : pin_->version.trees) collect(tree.root);
  return {};
}

// The dirty pages below a reference: a page in memory has a written parent only if it is written itself.
void Checkpointer::collect(const PagePointer& reference) {
  if (!reference.is_dirty() || !store_.resolve(reference).is_dirty()) return;
  const FrameId frame = store_.lookup(reference);
  const ByteSpan page = store_.page(frame);
  ranks_[rank_of(reference.type(), page)].push_back(reference.dirty_id());
  if (!store_.cache().frame(frame).may_refer_to_dirty) return;
  if (reference.type() == PageType::kOverflowIndex) {
    const OverflowIndexView index(page);
    for (size_t i = 0; i < index.count(); ++i) collect(index.child(i));
  } else {
    NodeView(page).visit_pointer_offsets(
        [&](size_t offset) { collect(PagePointer::load(page.data() + offset)); });
  }
}

// The file grows before it must, so that a full disk shows here and not in the middle.
void Checkpointer::make_room() {
  SpaceMap& space = store_.space();
  uint64_t pages = 0;
  for (const auto& rank : ranks_) pages += rank.size();
  const uint64_t needed = pages * (kMaxPageBytes / kBlockBytes) + space.file_blocks() / kBlockBytes + 64;
  if (space.free_blocks() >= needed) {
    ++under_way_;
    store_.env().executor.post([this] {
      --under_way_;
      pump();
    });
    return;
  }
  op_ = DiskOp();
  op_.kind = DiskOp::Kind::kAllocate;
  op_.file = store_.file();
  op_.offset = space.file_blocks() * kBlockBytes;
  const uint64_t blocks = store_.growth_blocks(needed - space.free_blocks());
  op_.length = blocks * kBlockBytes;
  space.grow(blocks);
  run_op(op_, [this] { pump(); });
}

void Checkpointer::run_op(DiskOp& op, std::move_only_function<void()> then) {
  ++under_way_;
  op.on_done = [this, &op, next = std::move(then)]() mutable {
    --under_way_;
    if (!op.result.ok()) fail(op.result.error());
    if (stopped()) return;
    auto run = std::move(next);
    run();
  };
  store_.env().disk.submit(op);
}

void Checkpointer::pump() {
  if (stopped()) return;
  for (Batch& batch : batches_) {
    if (batch.busy) continue;
    while (!fill(batch)) {
      if (encoding_ > 0) return;  // the next rank refers to pages of this one
      ++rank_;
      next_in_rank_ = 0;
      if (rank_ < kRanks) continue;
      rank_ = kRanks - 1;
      next_in_rank_ = ranks_[rank_].size();
      if (std::ranges::none_of(batches_, [](const Batch& b) { return b.busy; })) start_image();
      return;
    }
    encode(batch);
  }
}

bool Checkpointer::fill(Batch& batch) {
  const std::vector<DirtyId>& rank = ranks_[rank_];
  Cache& cache = store_.cache();
  batch.pages.clear();
  while (next_in_rank_ < rank.size() && batch.pages.size() < pages_per_batch_) {
    const DirtyId id = rank[next_in_rank_++];
    const FrameId frame = store_.unwritten_frame(id);
    if (frame == kNoFrame) continue;  // spilled meanwhile
    CHECK(store_.settle_page(frame));
    cache.pin(frame);
    const Frame& meta = cache.frame(frame);
    batch.pages.push_back({.id = id,
                           .frame = frame,
                           .tree = meta.tree,
                           .try_zstd = store_.should_compress(meta.tree, meta.type),
                           .type = meta.type,
                           .bytes = cache.page(frame)});
  }
  return !batch.pages.empty();
}

void Checkpointer::encode(Batch& batch) {
  batch.busy = true;
  ++encoding_;
  ++under_way_;
  batch.extents.clear();
  const CheckpointId birth = store_.running_checkpoint();
  store_.env().executor.run_on_worker(
      [this, &batch, birth] {
        std::array<std::byte, kMaxPageBytes> scratch;
        for (size_t i = 0; i < batch.pages.size(); ++i) {
          const Page& page = batch.pages[i];
          const MutableByteSpan out = batch.encoded.span().subspan(i * kMaxPageBytes, kMaxPageBytes);
          const PagePointer pointer = batch.codec.encode(store_.owner(page.tree),
                                                         {.page = disk_image(page.bytes, page.type, scratch),
                                                          .type = page.type,
                                                          .birth = birth,
                                                          .try_zstd = page.try_zstd},
                                                         out);
          batch.extents.push_back({.pointer = pointer, .stored = out.first(pointer.stored_bytes())});
        }
      },
      [this, &batch] {
        --encoding_;
        --under_way_;
        if (!stopped()) encoded(batch);
      });
}

void Checkpointer::encoded(Batch& batch) {
  std::vector<PackedWrite> writes = pack_extents(store_, batch.extents);
  for (size_t i = 0; i < batch.pages.size(); ++i) {
    const Page& page = batch.pages[i];
    if (page.try_zstd) store_.record_compression(page.tree, batch.extents[i].pointer);
    store_.page_written(page.id, batch.extents[i].pointer);
  }
  batch.writes = writes.size();
  submit(std::move(writes), [this, &batch] {
    if (--batch.writes > 0) return;
    for (const Page& page : batch.pages) store_.cache().unpin(page.frame);
    batch.busy = false;
    pump();
  });
  pump();
}

void Checkpointer::submit(std::vector<PackedWrite> writes, const std::function<void()>& each_done) {
  for (PackedWrite& packed : writes) {
    const auto write = writes_.emplace(writes_.end());
    write->packed = std::move(packed);
    write->op.kind = DiskOp::Kind::kWrite;
    write->op.file = store_.file();
    write->op.offset = write->packed.offset;
    write->op.write_from = write->packed.bytes.span();
    run_op(write->op, [this, each_done, write] {
      writes_.erase(write);
      each_done();
    });
  }
}

void Checkpointer::start_image() {
  const SpaceMap& space = store_.space();
  const CheckpointId of = store_.running_checkpoint();
  image_ = space.encode_image(of, store_.born_later());
  live_sectors_ = space.used_sectors() - kSuperblockCopyBlocks.size() * 2 * kSectorsPerBlock;
  for (const RetiredExtent& retired : space.retired())
    if (retired.by <= of) live_sectors_ -= retired.extent.sectors;
  for (const Extent& extent : store_.born_later()) live_sectors_ -= extent.sectors;
  const OverflowShape shape(image_.size());
  image_batch_.encoded = AlignedBuffer(shape.data_pages * kMaxPageBytes);
  image_batch_.extents.clear();
  ++under_way_;
  store_.env().executor.run_on_worker(
      [this, shape, of] {
        std::vector<std::byte> page;
        for (uint64_t i = 0; i < shape.data_pages; ++i) {
          page.resize(shape.data_page_bytes(i));
          write_overflow_data(page,
                              as_bytes(image_).subspan(i * kOverflowDataBytes, shape.covered_bytes(0, i)));
          const MutableByteSpan out = image_batch_.encoded.span().subspan(i * kMaxPageBytes, kMaxPageBytes);
          const PagePointer pointer = image_batch_.codec.encode(store_.owner(TreeId()),
                                                                {.page = page,
                                                                 .type = PageType::kSpaceMap,
                                                                 .birth = of,
                                                                 .try_zstd = store_.options().compression},
                                                                out);
          image_batch_.extents.push_back({.pointer = pointer, .stored = out.first(pointer.stored_bytes())});
        }
      },
      [this] {
        --under_way_;
        if (!stopped()) image_encoded();
      });
}

void Checkpointer::image_encoded() {
  std::vector<PackedWrite> writes = pack_extents(store_, image_batch_.extents);
  std::vector<Extent> extents;
  std::vector<PagePointer> below;
  const auto place = [&](std::span<const PendingExtent> placed) {
    below.clear();
    for (const PendingExtent& extent : placed) {
      below.push_back(extent.pointer);
      extents.push_back(extent_of(extent.pointer));
    }
  };
  place(image_batch_.extents);
  const OverflowShape shape(image_.size());
  for (uint8_t level = 1; level <= shape.levels; ++level) {
    std::vector<std::vector<std::byte>> stored;
    std::vector<PendingExtent> level_extents;
    size_t first = 0;
    for (uint64_t i = 0; i < shape.pages_at(level); ++i) {
      const uint64_t covered = shape.covered_bytes(level, i);
      const size_t children = OverflowShape::children_for(level, covered);
      std::vector<std::byte> page(overflow_index_page_bytes(children));
      write_overflow_index(page, level, covered, std::span(below).subspan(first, children));
      first += children;
      std::vector<std::byte>& out = stored.emplace_back(page.size());
      const PagePointer pointer = image_batch_.codec.encode(store_.owner(TreeId()),
                                                            {.page = page,
                                                             .type = PageType::kSpaceMapIndex,
                                                             .birth = store_.running_checkpoint(),
                                                             .try_zstd = false},
                                                            out);
      level_extents.push_back({.pointer = pointer, .stored = ByteSpan(out).first(pointer.stored_bytes())});
    }
    for (PackedWrite& write : pack_extents(store_, level_extents)) writes.push_back(std::move(write));
    place(level_extents);
  }
  CHECK(below.size() == 1);
  superblock_.space_map = below.front();
  superblock_.space_map_bytes = image_.size();
  for (const Extent& extent : extents) live_sectors_ += extent.sectors;
  store_.set_image_extents(std::move(extents));
  image_batch_.writes = writes.size();
  submit(std::move(writes), [this] {
    if (--image_batch_.writes == 0) sync();
  });
}

void Checkpointer::sync() {
  const Superblock& before = store_.superblock();
  superblock_.file = before.file;
  superblock_.sequence = store_.running_checkpoint();
  superblock_.predecessor = before.sequence;
  superblock_.predecessor_hash = store_.superblock_hash();
  superblock_.applied = pin_->version.applied;
  superblock_.info = info_;
  superblock_.file_blocks = store_.space().file_blocks();
  superblock_.live_bytes = live_sectors_ * kSectorBytes;
  superblock_.trees = store_.entries(pin_->version);
  for (TreeEntry& tree : superblock_.trees) {
    tree.root = store_.resolve(tree.root);
    CHECK(!tree.root.is_dirty());
  }
  hash_ = superblock_.encode(superblock_bytes_.span());
  if (MUTANT(SuperblockBeforePages)) return write_superblock(0);
  op_ = DiskOp();
  op_.kind = DiskOp::Kind::kSync;
  op_.file = store_.file();
  run_op(op_, [this] { write_superblock(0); });
}

void Checkpointer::write_superblock(size_t copy) {
  if (copy == kSuperblockCopyBlocks.size()) return finish();
  op_ = DiskOp();
  op_.kind = DiskOp::Kind::kWrite;
  op_.durable = true;
  op_.file = store_.file();
  op_.offset = superblock_offset(superblock_.generation(), copy);
  op_.write_from = superblock_bytes_.span();
  store_.stats().bytes_written += kSuperblockBytes;
  run_op(op_, [this, copy] { write_superblock(copy + 1); });
}

void Checkpointer::finish() {
  store_.end_checkpoint(superblock_, hash_);
  store_.unpin(*std::exchange(pin_, nullptr), Versions::Holder::kEssential);
  store_.settle_references();
  running_ = false;
  Done done = std::move(done_);
  done({});
}

void Checkpointer::fail(const Error& error) {
  store_.fail(error);
  if (!error_) error_ = error;
}

bool Checkpointer::stopped() {
  if (!error_) return false;
  if (under_way_ == 0 && running_) {
    running_ = false;
    if (pin_ != nullptr) store_.unpin(*std::exchange(pin_, nullptr), Versions::Holder::kEssential);
    Done done = std::move(done_);
    done(*error_);
  }
  return true;
}

}  // namespace revd::btree

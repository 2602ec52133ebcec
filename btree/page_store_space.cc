// PageStore: room in the cache (spilling) and in the file (the space map).
#include <algorithm>
#include <array>
#include <vector>

#include "base/check.h"
#include "base/strings.h"
#include "btree/node.h"
#include "btree/overflow_format.h"
#include "btree/page_store.h"
#include "btree/run_packer.h"
#include "btree/walker.h"

namespace revd::btree {

namespace {

constexpr size_t kSpillPagesMax = 32;
constexpr size_t kSpillScanMax = 4096;  // frames looked at for one spill

// Puts an object together and notes where it lies.
class ObjectReader final : public PageVisitor {
 public:
  Status visit(const PageRequest& request, ByteSpan page) override {
    extents.push_back(extent_of(request.pointer));
    if (request.level == 0) bytes.append(as_view(overflow_data(page)));
    return {};
  }
  Status enter_child(TreeId, const InnerView&, size_t) override { return {}; }
  std::string bytes;
  std::vector<Extent> extents;
};

// Marks what it visits as in use.
class UseMarker final : public PageVisitor {
 public:
  explicit UseMarker(SpaceMap& map) : map_(map) {}
  Status visit(const PageRequest& request, ByteSpan) override {
    const Extent extent = extent_of(request.pointer);
    if (map_.mark_used(extent)) {
      marked.push_back(extent);
      return {};
    }
    if (shared_allowed && map_.all_used(extent)) return {};
    return Error(ErrorCode::kDataLoss,
                 str_cat("sector ", extent.sector, " is used twice, or not in the file"));
  }
  Status enter_child(TreeId, const InnerView&, size_t) override { return {}; }
  bool shared_allowed = false;  // with what was marked before
  std::vector<Extent> marked;

 private:
  SpaceMap& map_;
};

}  // namespace

Status PageStore::reserve(size_t slots) {
  if (failure_) return *failure_;
  const auto unclean = [&] {
    return cache_.list_bytes(FrameList::kDirtyLow) + cache_.list_bytes(FrameList::kDirtyInner) +
           cache_.list_bytes(FrameList::kSuperseded);
  };
  if (cache_.list_bytes(FrameList::kSuperseded) > options_.snapshot_pinned_bytes_max)
    enforce_snapshot_limits();
  // A quarter stays for readers.
  if (unclean() > cache_.arena_bytes() / 4 * 3) TRY(spill());
  while (!cache_.reserve_slots(slots)) {
    TRY_ASSIGN(const size_t spilled, spill());
    if (spilled > 0) continue;
    std::vector<HeldPage> freed;
    if (!versions_.expire_oldest(freed)) {
      fail(Error(ErrorCode::kResourceExhausted, "the cache is too small for one operation's pages"));
      return *failure_;
    }
    ++stats_.snapshots_expired;
    free_held(freed);
  }
  return {};
}

std::vector<FrameId> PageStore::choose_spill() {
  const size_t wanted = std::min<size_t>(kSpillPagesMax, cache_.arena_bytes() / kMaxPageBytes / 16);
  std::vector<FrameId> chosen;
  for (const FrameList list : {FrameList::kDirtyLow, FrameList::kDirtyInner}) {
    size_t scanned = 0;
    for (FrameId id = cache_.oldest(list);
         id != kNoFrame && chosen.size() < wanted && scanned < kSpillScanMax;
         id = cache_.frame(id).previous, ++scanned)
      if (cache_.pins(id) == 0 && settle_page(id)) chosen.push_back(id);
    if (!chosen.empty()) break;
  }
  return chosen;
}

Result<size_t> PageStore::spill() {
  if (failure_) return *failure_;
  Status status = load_space_map();
  const std::vector<FrameId> frames = choose_spill();
  if (status.ok()) status = write_spill(frames);
  if (!status.ok()) {
    fail(status.error());
    return status.error();
  }
  stats_.spilled_pages += frames.size();
  return frames.size();
}

Status PageStore::write_spill(const std::vector<FrameId>& frames) {
  std::vector<PendingExtent> extents;
  AlignedBuffer buffer(std::max<size_t>(frames.size(), 1) * kMaxPageBytes);
  std::array<std::byte, kMaxPageBytes> scratch;
  for (size_t i = 0; i < frames.size(); ++i) {
    const Frame& frame = cache_.frame(frames[i]);
    const MutableByteSpan out = buffer.span().subspan(i * kMaxPageBytes, kMaxPageBytes);
    const bool try_zstd = should_compress(frame.tree, frame.type);
    const PagePointer pointer =
        codec_.encode(owner(frame.tree),
                      {.page = disk_image(cache_.page(frames[i]), frame.type, scratch),
                       .type = frame.type,
                       .birth = birth_of(frame.version),
                       .try_zstd = try_zstd},
                      out);
    if (try_zstd) record_compression(frame.tree, pointer);
    extents.push_back({.pointer = pointer, .stored = out.first(pointer.stored_bytes())});
  }
  for (const PackedWrite& write : pack_extents(*this, extents))
    TRY(write_fully(env_.disk, file_, write.offset, write.bytes.span(), false));
  for (size_t i = 0; i < frames.size(); ++i)
    page_written(cache_.frame(frames[i]).dirty_id, extents[i].pointer);
  return {};
}

uint64_t PageStore::growth_blocks(uint64_t at_least) const {
  const uint64_t bytes = std::clamp(space_.file_blocks() * kBlockBytes / 16, options_.grow_bytes_min,
                                    std::max(options_.grow_bytes_min, options_.grow_bytes_max));
  return std::max(round_up(bytes, kBlockBytes) / kBlockBytes, at_least);
}

BlockRun PageStore::allocate_run(uint32_t min_blocks, uint32_t max_blocks) {
  auto run = space_.allocate(min_blocks, max_blocks);
  if (!run) {
    space_.grow(growth_blocks(max_blocks));
    run = space_.allocate(min_blocks, max_blocks);
  }
  CHECK(run.has_value());
  return *run;
}

Status PageStore::load_space_map() {
  if (space_.loaded()) return {};
  TRY(repair_superblocks());
  Status status;
  if (newest_.space_map.is_null()) {
    space_.load_empty();
  } else {
    ObjectReader reader;
    status = walk_object(*this, TreeId(), newest_.space_map, newest_.space_map_bytes, reader);
    if (status.ok()) status = space_.load_image(as_bytes(reader.bytes));
    if (status.ok()) {
      for (const Extent& extent : reader.extents)
        if (!space_.mark_used(extent))
          status = Error(ErrorCode::kDataLoss, "the space map overlaps its own pages");
      image_extents_ = std::move(reader.extents);
    }
  }
  if (!status.ok()) {
    env_.logger.warning("btree", "space map damaged, rebuilding it from the trees",
                        {{"path", path_}, {"error", status.error().text()}});
    TRY(rebuild_space_map());
  }
  space_.release(newest_.predecessor, versions_.oldest_extent_pin(), [](const Extent&) {});
  return {};
}

// A rejected or damaged generation must never be taken for the newest again: its pages are about to be
// overwritten.
Status PageStore::repair_superblocks() {
  AlignedBuffer bytes(kSuperblockBytes);
  for (const StoreState::Copy& wrong : wrong_copies_) {
    if (wrong.generation == newest_.generation())
      newest_.encode(bytes.span());
    else
      std::ranges::fill(bytes.span(), std::byte{0});
    TRY(write_fully(env_.disk, file_, superblock_offset(wrong.generation, wrong.copy), bytes.span(), true));
  }
  wrong_copies_.clear();
  return {};
}

// Marks what the newest superblock's trees use, then what only its predecessor's use, as retired by the
// newest. If those can't be walked, everything else counts as retired: nothing is reused before the next
// superblock is durable.
Status PageStore::rebuild_space_map() {
  SpaceMap rebuilt(newest_.file_blocks);
  rebuilt.load_empty();
  UseMarker marker(rebuilt);
  for (const TreeEntry& tree : newest_.trees) TRY(walk_tree(*this, tree, marker));
  marker.marked.clear();
  marker.shared_allowed = true;
  Status walked = Error(ErrorCode::kNotFound, "no predecessor");
  if (const auto predecessor = read_predecessor(); predecessor.ok()) {
    walked = {};
    for (const TreeEntry& tree : predecessor->trees)
      if (walked.ok()) walked = walk_tree(*this, tree, marker);
    if (walked.ok() && !predecessor->space_map.is_null())
      walked = walk_object(*this, TreeId(), predecessor->space_map, predecessor->space_map_bytes, marker);
  }
  for (const Extent& extent : marker.marked) rebuilt.retire(extent, newest_.sequence);
  if (!walked.ok() && newest_.predecessor != CheckpointId()) {
    while (const auto run = rebuilt.allocate(1, kBlocksPerChunk)) {
      const Extent all{.sector = run->block * kSectorsPerBlock, .sectors = run->blocks * kSectorsPerBlock};
      rebuilt.settle(*run, {all});
      rebuilt.retire(all, newest_.sequence);
    }
  }
  for (const RetiredExtent& later : space_.retired())
    if (later.by == next_checkpoint_) rebuilt.retire(later.extent, later.by);  // those since opening
  space_ = std::move(rebuilt);
  image_extents_.clear();
  return {};
}

Result<Superblock> PageStore::read_predecessor() {
  if (!predecessor_intact_) return Error(ErrorCode::kNotFound, "there is no usable predecessor superblock");
  AlignedBuffer buffer(kSuperblockBytes);
  Error last(ErrorCode::kDataLoss, "no copy of the predecessor superblock is readable");
  for (size_t copy = 0; copy < kSuperblockCopyBlocks.size(); ++copy) {
    const uint64_t offset = superblock_offset(1 - newest_.generation(), copy);
    Status status = read_exactly(env_.disk, file_, offset, buffer.span());
    if (!status.ok()) continue;
    auto superblock = Superblock::decode(buffer.span());
    if (superblock.ok() && superblock->sequence == newest_.predecessor) return superblock;
  }
  return last;
}

}  // namespace revd::btree

#include "btree/run_packer.h"

#include <cstring>

#include "base/check.h"

namespace revd::btree {

namespace {

constexpr uint32_t kRunBlocksMax = 128;  // 512 KiB per write

uint32_t blocks_for(uint64_t sectors) {
  return static_cast<uint32_t>((sectors + kSectorsPerBlock - 1) / kSectorsPerBlock);
}

// Fills one run with as many of the extents as fit; gives how many.
size_t fill_run(PageStore& store, const BlockRun& run, std::span<PendingExtent> extents,
                std::vector<PackedWrite>& writes) {
  const uint64_t first = run.block * kSectorsPerBlock;
  const uint64_t end = first + uint64_t{run.blocks} * kSectorsPerBlock;
  std::vector<Extent> placed;
  uint64_t sector = first;
  for (PendingExtent& extent : extents) {
    const uint32_t sectors = extent.pointer.sector_count();
    if (sector + sectors > end) break;
    extent.pointer = extent.pointer.moved_to(sector);
    placed.push_back({.sector = sector, .sectors = sectors});
    sector += sectors;
  }
  PackedWrite write{.offset = first * kSectorBytes,
                    .bytes = AlignedBuffer(blocks_for(sector - first) * kBlockBytes)};
  size_t filled = 0;
  for (size_t i = 0; i < placed.size(); ++i) {
    const size_t at = (placed[i].sector - first) * kSectorBytes;
    std::memcpy(write.bytes.data() + at, extents[i].stored.data(), extents[i].stored.size());
    filled = at + extents[i].stored.size();
    const size_t padded = round_up(filled, kSectorBytes);
    std::memset(write.bytes.data() + filled, 0, padded - filled);
    filled = padded;
  }
  std::memset(write.bytes.data() + filled, 0, write.bytes.size() - filled);
  store.space().settle(run, placed);
  store.stats().bytes_written += write.bytes.size();
  writes.push_back(std::move(write));
  return placed.size();
}

}  // namespace

std::vector<PackedWrite> pack_extents(PageStore& store, std::span<PendingExtent> extents) {
  std::vector<PackedWrite> writes;
  uint64_t sectors = 0;
  for (const PendingExtent& extent : extents) sectors += extent.pointer.sector_count();
  while (!extents.empty()) {
    const uint32_t least = blocks_for(extents.front().pointer.sector_count());
    const BlockRun run =
        store.allocate_run(least, std::max(least, std::min(blocks_for(sectors), kRunBlocksMax)));
    const size_t count = fill_run(store, run, extents, writes);
    CHECK(count > 0);
    for (const PendingExtent& extent : extents.first(count)) sectors -= extent.pointer.sector_count();
    extents = extents.subspan(count);
  }
  return writes;
}

}  // namespace revd::btree

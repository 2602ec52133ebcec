#include "btree/space_map.h"

#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/strings.h"
#include "btree/superblock.h"

namespace revd::btree {

namespace {

constexpr uint32_t kImageMagic = 0x4d535652;  // "RVSM"
constexpr uint32_t kImageVersion = 1;
constexpr size_t kImageHeaderBytes = 32;
constexpr size_t kRetiredBytes = 20;
constexpr uint8_t kWholeBlock = 0xff;

constexpr uint8_t sector_mask(uint32_t first, uint32_t count) {
  return static_cast<uint8_t>(((1u << count) - 1) << first);
}

}  // namespace

SpaceMap::SpaceMap(uint64_t file_blocks) : file_blocks_(file_blocks) {}

template <typename F>
void SpaceMap::for_each_block(const Extent& extent, F&& f) {
  uint64_t sector = extent.sector;
  uint64_t left = extent.sectors;
  while (left > 0) {
    const uint32_t first = static_cast<uint32_t>(sector % kSectorsPerBlock);
    const uint32_t count = static_cast<uint32_t>(std::min<uint64_t>(left, kSectorsPerBlock - first));
    f(sector / kSectorsPerBlock, sector_mask(first, count));
    sector += count;
    left -= count;
  }
}

void SpaceMap::set_byte(uint64_t block, uint8_t value) {
  uint8_t& byte = used_[block];
  if (byte == 0 && value != 0) {
    --chunk_free_[block / kBlocksPerChunk];
    --free_blocks_;
  } else if (byte != 0 && value == 0) {
    ++chunk_free_[block / kBlocksPerChunk];
    ++free_blocks_;
  }
  used_sectors_ += static_cast<uint64_t>(std::popcount(value));
  used_sectors_ -= static_cast<uint64_t>(std::popcount(byte));
  byte = value;
}

void SpaceMap::load_empty() {
  CHECK(!loaded_);
  const uint64_t blocks = file_blocks_;
  file_blocks_ = 0;
  loaded_ = true;
  grow(blocks);
  for (const uint64_t copy : kSuperblockCopyBlocks)
    for (const uint64_t generation : {uint64_t{0}, uint64_t{1}})
      if (copy + generation < file_blocks_) set_byte(copy + generation, kWholeBlock);
}

void SpaceMap::grow(uint64_t blocks) {
  CHECK(loaded_);
  const uint64_t before = file_blocks_;
  file_blocks_ += blocks;
  free_blocks_ += blocks;
  used_.resize(file_blocks_, 0);
  chunk_free_.resize((file_blocks_ + kBlocksPerChunk - 1) / kBlocksPerChunk, 0);
  for (uint64_t block = before; block < file_blocks_;) {
    const uint64_t end = std::min(file_blocks_, (block / kBlocksPerChunk + 1) * kBlocksPerChunk);
    chunk_free_[block / kBlocksPerChunk] =
        static_cast<uint16_t>(chunk_free_[block / kBlocksPerChunk] + (end - block));
    block = end;
  }
  no_run_of_ = UINT32_MAX;
}

bool SpaceMap::mark_used(const Extent& extent) {
  CHECK(loaded_);
  const uint64_t sectors = file_blocks_ * kSectorsPerBlock;
  if (extent.sector >= sectors || extent.sectors > sectors - extent.sector) return false;
  bool free = true;
  for_each_block(extent, [&](uint64_t block, uint8_t mask) { free = free && (used_[block] & mask) == 0; });
  if (!free) return false;
  for_each_block(extent, [&](uint64_t block, uint8_t mask) {
    set_byte(block, static_cast<uint8_t>(used_[block] | mask));
  });
  return true;
}

bool SpaceMap::all_used(const Extent& extent) const {
  const uint64_t sectors = file_blocks_ * kSectorsPerBlock;
  if (!loaded_ || extent.sector >= sectors || extent.sectors > sectors - extent.sector) return false;
  bool used = true;
  for_each_block(extent, [&](uint64_t block, uint8_t mask) { used = used && (used_[block] & mask) == mask; });
  return used;
}

std::optional<BlockRun> SpaceMap::find_run(uint64_t from, uint64_t to, uint32_t min_blocks,
                                           uint32_t max_blocks) const {
  uint32_t length = 0;
  for (uint64_t block = from; block < to; ++block) {
    if (block % kBlocksPerChunk == 0 && length == 0) {
      while (block < to && chunk_free_[block / kBlocksPerChunk] == 0) block += kBlocksPerChunk;
      if (block >= to) break;
    }
    if (used_[block] != 0) {
      if (length >= min_blocks) return BlockRun{.block = block - length, .blocks = length};
      length = 0;
    } else if (++length == max_blocks) {
      return BlockRun{.block = block + 1 - length, .blocks = length};
    }
  }
  if (length >= min_blocks) return BlockRun{.block = to - length, .blocks = length};
  return std::nullopt;
}

std::optional<BlockRun> SpaceMap::allocate(uint32_t min_blocks, uint32_t max_blocks) {
  CHECK(loaded_ && min_blocks > 0 && min_blocks <= max_blocks);
  if (min_blocks >= no_run_of_) return std::nullopt;
  auto run = find_run(search_from_, file_blocks_, min_blocks, max_blocks);
  if (!run && search_from_ != 0) run = find_run(0, file_blocks_, min_blocks, max_blocks);
  if (!run) {
    no_run_of_ = min_blocks;
    return std::nullopt;
  }
  for (uint64_t block = run->block; block < run->block + run->blocks; ++block) set_byte(block, kWholeBlock);
  search_from_ = run->block + run->blocks;
  return run;
}

void SpaceMap::settle(const BlockRun& run, const std::vector<Extent>& extents) {
  for (uint64_t block = run.block; block < run.block + run.blocks; ++block) {
    CHECK(used_[block] == kWholeBlock);
    set_byte(block, 0);
  }
  for (const Extent& extent : extents) {
    CHECK(extent.sector / kSectorsPerBlock >= run.block &&
          extent.sector + extent.sectors <= (run.block + run.blocks) * kSectorsPerBlock);
    CHECK(mark_used(extent));
  }
  no_run_of_ = UINT32_MAX;
}

void SpaceMap::retire(const Extent& extent, CheckpointId by) {
  CHECK(retired_.empty() || retired_.back().by <= by);
  retired_.push_back({.extent = extent, .by = by});
  retired_sectors_ += extent.sectors;
}

void SpaceMap::release(CheckpointId up_to, CheckpointId oldest_pin,
                       const std::function<void(const Extent&)>& released) {
  CHECK(loaded_);
  while (!retired_.empty() && retired_.front().by <= up_to && retired_.front().by < oldest_pin) {
    const Extent extent = retired_.front().extent;
    retired_.pop_front();
    retired_sectors_ -= extent.sectors;
    free_now(extent);
    released(extent);
  }
}

void SpaceMap::free_now(const Extent& extent) {
  CHECK(all_used(extent));
  for_each_block(extent, [&](uint64_t block, uint8_t mask) {
    set_byte(block, static_cast<uint8_t>(used_[block] & ~mask));
  });
  no_run_of_ = UINT32_MAX;
}

std::string SpaceMap::encode_image(CheckpointId of, const std::vector<Extent>& excluded) const {
  CHECK(loaded_);
  std::vector<uint8_t> used = used_;
  for (const Extent& extent : excluded)
    for_each_block(extent, [&](uint64_t block, uint8_t mask) { used[block] &= static_cast<uint8_t>(~mask); });
  uint64_t count = 0;
  while (count < retired_.size() && retired_[count].by <= of) ++count;
  std::string image;
  image.reserve(kImageHeaderBytes + used.size() + count * kRetiredBytes);
  ByteWriter out(image);
  out.u32(kImageMagic);
  out.u32(kImageVersion);
  out.u64(file_blocks_);
  out.u64(count);
  out.u64(of.value());
  out.raw(std::as_bytes(std::span(used)));
  for (uint64_t i = 0; i < count; ++i) {
    out.u64(retired_[i].extent.sector);
    out.u32(retired_[i].extent.sectors);
    out.u64(retired_[i].by.value());
  }
  return image;
}

Status SpaceMap::load_image(ByteSpan image) {
  CHECK(!loaded_);
  const Error malformed(ErrorCode::kDataLoss, "the space map is malformed");
  ByteReader in(image);
  if (in.u32() != kImageMagic || in.u32() != kImageVersion) return malformed;
  const uint64_t blocks = in.u64();  // the file may have grown for the image's own pages
  const uint64_t count = in.u64();
  const CheckpointId of(in.u64());
  if (blocks > file_blocks_) return malformed;
  const ByteSpan bytes = in.take(blocks);
  if (!in.ok() || in.remaining() / kRetiredBytes != count || in.remaining() % kRetiredBytes != 0)
    return malformed;

  SpaceMap loaded(file_blocks_);
  loaded.load_empty();
  for (uint64_t block = 0; block < blocks; ++block)
    loaded.set_byte(block,
                    static_cast<uint8_t>(loaded.used_[block] | std::to_integer<uint8_t>(bytes[block])));
  for (uint64_t i = 0; i < count; ++i) {
    const Extent extent{.sector = in.u64(), .sectors = in.u32()};
    const CheckpointId by(in.u64());
    const bool in_order = loaded.retired_.empty() || loaded.retired_.back().by <= by;
    if (!loaded.all_used(extent) || !in_order || by > of) return malformed;
    loaded.retire(extent, by);
  }
  for (const RetiredExtent& later : retired_) loaded.retire(later.extent, later.by);
  *this = std::move(loaded);
  return {};
}

}  // namespace revd::btree

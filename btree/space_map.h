// SpaceMap: which 512-byte sectors of the page file are in use, and which blocks may be written.
//
// In memory one byte per 4 KiB block, a bit per sector in use, and a queue of retired extents: dead, but
// possibly still referred to by a superblock or a snapshot. Their bits stay set until they are released.
// The rule (README, "Free space"): an extent retired by checkpoint R (R is the first that doesn't
// refer to it) is released once a superblock whose predecessor is R or later is durable and no
// snapshot from before R's making is open. So no block is ever handed out that the newest superblock, its
// predecessor or a snapshot refers to.
//
// Thread rule: the reactor thread; pure data structure, no I/O. Requirements are CHECKed.
// Units: sectors of 512 bytes, blocks of 4096. Image format: btree/README.md, "Space map".
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "btree/page_pointer.h"

namespace revd::btree {

inline constexpr uint32_t kSectorsPerBlock = kBlockBytes / kSectorBytes;
inline constexpr uint64_t kBlocksPerChunk = 256;

struct Extent {
  uint64_t sector = 0;
  uint32_t sectors = 0;
  friend bool operator==(const Extent&, const Extent&) = default;
};
inline Extent extent_of(const PagePointer& pointer) {
  return {.sector = pointer.sector(), .sectors = pointer.sector_count()};
}

struct RetiredExtent {
  Extent extent;
  CheckpointId by;
};

// Consecutive blocks, handed out whole.
struct BlockRun {
  uint64_t block = 0;
  uint32_t blocks = 0;
};

class SpaceMap {
 public:
  // A map that isn't loaded yet: it takes retirements, nothing else.
  explicit SpaceMap(uint64_t file_blocks);
  bool loaded() const { return loaded_; }
  // Takes over an image's contents; retirements that came before stay. kDataLoss: malformed; then it stays as
  // it was.
  Status load_image(ByteSpan image);
  // Becomes a loaded map where only the superblocks are in use; the caller marks the rest.
  void load_empty();

  // All of these sectors must be free: false (and nothing changed) if one isn't, or lies outside. For
  // loading, rebuilding and tests.
  [[nodiscard]] bool mark_used(const Extent& extent);
  // All of these sectors in use / none of them.
  bool all_used(const Extent& extent) const;

  // A run of wholly free blocks, min_blocks <= blocks <= max_blocks; nullopt: grow() first. It belongs to
  // the caller, until settle() has said which of its sectors hold extents; the others are free again.
  std::optional<BlockRun> allocate(uint32_t min_blocks, uint32_t max_blocks);
  void settle(const BlockRun& run, const std::vector<Extent>& extents);
  // Adds free blocks at the end.
  void grow(uint64_t blocks);
  // The next search for free blocks starts at the file's beginning, so that its tail tends to get empty.
  void search_from_start() { search_from_ = 0; }

  // The extent is dead from checkpoint `by` on. `by` never decreases.
  void retire(const Extent& extent, CheckpointId by);
  // Frees what was retired by a checkpoint that is <= `up_to` and < `oldest_pin`; tells each extent.
  void release(CheckpointId up_to, CheckpointId oldest_pin,
               const std::function<void(const Extent&)>& released);
  // Frees at once: for extents that no superblock and no snapshot ever referred to.
  void free_now(const Extent& extent);

  // The image that superblock `of` will refer to: without `excluded` extents (in use, but not of `of`) and
  // without retirements after `of`. The image's own pages aren't in it: whoever loads it marks them.
  std::string encode_image(CheckpointId of, const std::vector<Extent>& excluded) const;

  uint64_t file_blocks() const { return file_blocks_; }
  uint64_t used_sectors() const { return used_sectors_; }  // retired ones included
  uint64_t retired_sectors() const { return retired_sectors_; }
  uint64_t free_blocks() const { return free_blocks_; }
  const std::deque<RetiredExtent>& retired() const { return retired_; }

 private:
  std::optional<BlockRun> find_run(uint64_t from, uint64_t to, uint32_t min_blocks,
                                   uint32_t max_blocks) const;
  void set_byte(uint64_t block, uint8_t value);
  template <typename F>
  static void for_each_block(const Extent& extent, F&& f);

  bool loaded_ = false;
  uint64_t file_blocks_;
  std::vector<uint8_t> used_;          // per block: bit s is set while sector s is in use
  std::vector<uint16_t> chunk_free_;   // wholly free blocks per chunk
  std::deque<RetiredExtent> retired_;  // `by` ascending
  uint64_t used_sectors_ = 0;
  uint64_t retired_sectors_ = 0;
  uint64_t free_blocks_ = 0;
  uint64_t search_from_ = 0;
  uint32_t no_run_of_ =
      UINT32_MAX;  // a search of everything for this many blocks failed since the last release
};

}  // namespace revd::btree

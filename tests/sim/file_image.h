// FileImage: the bytes of a file in memory, in copy-on-write blocks of 4 KiB.
//
// Copying an image costs one shared_ptr whatever its size; the first write to a copy copies the block
// index, and each block when it is first changed. Bytes never written are zeros. It has no size of its
// own: that is the file's.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace revd {

class FileImage {
 public:
  static constexpr uint64_t kBlock = 4096;

  void read(uint64_t offset, MutableByteSpan out) const;
  void write(uint64_t offset, ByteSpan bytes);
  // Takes blocks for a range; they read as before (zeros, if they were free).
  void reserve(uint64_t offset, uint64_t length);
  // Zeros; whole blocks are given back. `length` may reach beyond everything.
  void punch(uint64_t offset, uint64_t length);
  uint64_t allocated_bytes() const { return allocated_blocks_ * kBlock; }
  // What reserving this range would add to allocated_bytes().
  uint64_t missing_bytes(uint64_t offset, uint64_t length) const;

 private:
  using Block = std::array<std::byte, kBlock>;
  using Index = std::vector<std::shared_ptr<Block>>;
  static const std::shared_ptr<Block>& zero_block();
  // The index, ours alone, with at least `blocks` places.
  Index& own_index(uint64_t blocks);
  // Block number `at`, allocated and ours alone.
  Block& own_block(Index& index, uint64_t at);
  uint64_t block_count() const { return index_ ? index_->size() : 0; }

  std::shared_ptr<Index> index_;
  uint64_t allocated_blocks_ = 0;
};

}  // namespace revd

#include "tests/sim/file_image.h"

#include <algorithm>
#include <cstring>

namespace revd {

namespace {

uint64_t block_of(uint64_t offset) { return offset / FileImage::kBlock; }
uint64_t blocks_to(uint64_t end) { return (end + FileImage::kBlock - 1) / FileImage::kBlock; }
// How many of `length` bytes at `offset` lie in the block that `offset` lies in.
size_t within_block(uint64_t offset, uint64_t length) {
  return std::min(length, FileImage::kBlock - offset % FileImage::kBlock);
}

}  // namespace

const std::shared_ptr<FileImage::Block>& FileImage::zero_block() {
  static const std::shared_ptr<Block> zeros = std::make_shared<Block>();
  return zeros;
}

FileImage::Index& FileImage::own_index(uint64_t blocks) {
  if (!index_)
    index_ = std::make_shared<Index>();
  else if (index_.use_count() > 1)
    index_ = std::make_shared<Index>(*index_);
  if (index_->size() < blocks) index_->resize(blocks);
  return *index_;
}

FileImage::Block& FileImage::own_block(Index& index, uint64_t at) {
  std::shared_ptr<Block>& block = index[at];
  if (!block) {
    block = std::make_shared<Block>();
    ++allocated_blocks_;
  } else if (block.use_count() > 1) {
    block = std::make_shared<Block>(*block);
  }
  return *block;
}

void FileImage::read(uint64_t offset, MutableByteSpan out) const {
  while (!out.empty()) {
    const size_t count = within_block(offset, out.size());
    const uint64_t at = block_of(offset);
    if (at < block_count() && (*index_)[at])
      std::memcpy(out.data(), (*index_)[at]->data() + offset % kBlock, count);
    else
      std::memset(out.data(), 0, count);
    out = out.subspan(count);
    offset += count;
  }
}

void FileImage::write(uint64_t offset, ByteSpan bytes) {
  if (bytes.empty()) return;
  Index& index = own_index(blocks_to(offset + bytes.size()));
  while (!bytes.empty()) {
    const size_t count = within_block(offset, bytes.size());
    std::memcpy(own_block(index, block_of(offset)).data() + offset % kBlock, bytes.data(), count);
    bytes = bytes.subspan(count);
    offset += count;
  }
}

void FileImage::reserve(uint64_t offset, uint64_t length) {
  if (length == 0) return;
  const uint64_t end = blocks_to(offset + length);
  Index& index = own_index(end);
  for (uint64_t at = block_of(offset); at < end; ++at) {
    if (index[at]) continue;
    index[at] = zero_block();
    ++allocated_blocks_;
  }
}

void FileImage::punch(uint64_t offset, uint64_t length) {
  const uint64_t limit = block_count() * kBlock;
  if (offset >= limit || length == 0) return;
  const uint64_t end = length > limit - offset ? limit : offset + length;
  Index& index = own_index(0);
  while (offset < end) {
    const size_t count = within_block(offset, end - offset);
    std::shared_ptr<Block>& block = index[block_of(offset)];
    if (block && count == kBlock) {
      block.reset();
      --allocated_blocks_;
    } else if (block) {
      std::memset(own_block(index, block_of(offset)).data() + offset % kBlock, 0, count);
    }
    offset += count;
  }
  while (!index.empty() && !index.back()) index.pop_back();
}

uint64_t FileImage::missing_bytes(uint64_t offset, uint64_t length) const {
  uint64_t missing = 0;
  for (uint64_t at = block_of(offset); length != 0 && at < blocks_to(offset + length); ++at)
    if (at >= block_count() || !(*index_)[at]) ++missing;
  return missing * kBlock;
}

}  // namespace revd

// Superblock: the 4 KiB that say what a page file holds, and all that a checkpoint hands over.
//
// A plain value and its encoding; no I/O here. Two generations (sequence % 2) in two copies each lie far
// apart, so that neither a torn write nor a bad sector costs a generation. A superblock may be trusted
// when it decodes: the hash covers every byte of it. Errors: kDataLoss, naming what is wrong.
// Units: blocks are 4096 bytes. Format and byte diagram: btree/README.md, "Superblock".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"
#include "btree/page_pointer.h"

namespace revd::btree {

inline constexpr size_t kSuperblockBytes = 4096;
inline constexpr uint32_t kSuperblockVersion = 1;
inline constexpr size_t kMaxTrees = 16;
inline constexpr size_t kMaxTreeNameBytes = 31;
inline constexpr size_t kOpaqueBytes = 128;
inline constexpr uint8_t kMaxTreeHeight = 24;
// Where copy 0 and 1 of generation 0 lie; generation 1 is in the block after each.
inline constexpr std::array<uint64_t, 2> kSuperblockCopyBlocks = {0, 256};

// Up to where the log's entries are contained in a version of the trees.
struct AppliedPosition {
  LogIndex index;  // the last applied entry; 0: none yet
  Term term;       // its term
  LogTime log_time;
  friend bool operator==(const AppliedPosition&, const AppliedPosition&) = default;
};

// Where a file without the log's beginning starts (restored, or received as a snapshot).
struct LogBase {
  Uuid log;
  LogIndex index;  // the last entry that the file stands for without the log having it
  Term term;
  friend bool operator==(const LogBase&, const LogBase&) = default;
};

// What the layer above wants to find again; written with each checkpoint, not interpreted here.
struct CheckpointInfo {
  LogIndex commit;
  uint64_t acknowledged_sequence = 0;  // of the log: the highest batch known to be acknowledged
  uint64_t wal_start_segment = 0;      // where the log's replay starts
  LogBase log_base;
  std::array<std::byte, kOpaqueBytes> opaque{};
};

// One named tree.
struct TreeEntry {
  std::string name;
  TreeId id;  // 1, 2, ... in the order of creation
  uint32_t leaf_page_bytes = 0;
  uint8_t height = 0;  // levels; 0: empty, 1: the root is a leaf
  uint64_t key_count = 0;
  PagePointer root;  // null if and only if height is 0
  friend bool operator==(const TreeEntry&, const TreeEntry&) = default;
};

struct Superblock {
  Uuid file;
  CheckpointId sequence;     // 1 for a new file's
  CheckpointId predecessor;  // 0: none
  Hash128 predecessor_hash;
  AppliedPosition applied;
  CheckpointInfo info;
  uint64_t file_blocks = 0;  // all that the space map describes
  uint64_t live_bytes = 0;   // sectors that this superblock refers to, in bytes
  PagePointer
      space_map;  // an overflow object of the space map's types; null: nothing but superblocks is in use
  uint64_t space_map_bytes = 0;
  std::vector<TreeEntry> trees;  // at most kMaxTrees, by id

  unsigned generation() const { return static_cast<unsigned>(sequence.value() % 2); }
  // Requires out.size() == kSuperblockBytes. Gives the hash that a successor names.
  Hash128 encode(MutableByteSpan out) const;
  static Result<Superblock> decode(ByteSpan bytes);
  // The hash stored in a superblock's bytes.
  static Hash128 stored_hash(ByteSpan bytes);
};

constexpr uint64_t superblock_offset(unsigned generation, size_t copy) {
  return (kSuperblockCopyBlocks[copy] + generation) * kBlockBytes;
}

}  // namespace revd::btree

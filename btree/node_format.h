// Constants and small types of the node format, shared by views and mutable nodes.
//
// Format and byte diagram: btree/README.md, "Node". Units: bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "btree/page_pointer.h"

namespace revd::btree {

inline constexpr size_t kLeafPageBytesSmall = 8192;
inline constexpr size_t kLeafPageBytesLarge = 16384;
inline constexpr size_t kInnerPageBytes = 16384;

inline constexpr uint8_t kNodeVersion = 1;
inline constexpr uint8_t kMaxLevel = 31;

// Offsets from the page's beginning; the bytes before kNodeVersionAt belong to the extent header.
inline constexpr size_t kNodeVersionAt = kExtentHeaderBytes;  // u8
inline constexpr size_t kNodeLevelAt = 41;                    // u8, 0 for a leaf
inline constexpr size_t kNodeCountAt = 42;                    // u16, cells
inline constexpr size_t kNodeHeapStartAt = 44;                // u16, lowest byte of the heap
inline constexpr size_t kNodeGarbageAt = 46;                  // u16, dead bytes inside the heap
inline constexpr size_t kNodePrefixBytesAt = 48;              // u16, the prefix ends at the page's end
inline constexpr size_t kNodeReservedAt = 50;                 // 6 zero bytes
inline constexpr size_t kNodeHeadsAt = 56;                    // u32 heads, then u16 slots

inline constexpr size_t kHeadBytes = 4;
inline constexpr size_t kSlotBytes = 2;
inline constexpr size_t kCellHeaderBytes = 4;      // u16 key word, u16 payload word
inline constexpr uint16_t kOverflowFlag = 0x8000;  // in either word
inline constexpr uint16_t kLengthMask = 0x7fff;
inline constexpr size_t kOverflowRefBytes = 4 + PagePointer::kBytes;

// A longer key keeps this many bytes in the node; the rest is an overflow object.
inline constexpr size_t kMaxInlineKeyBytes = 1024;

// The most that a cell may take, its key counted whole: four of them fit in any page.
constexpr size_t max_cell_bytes(size_t page_bytes) {
  return (page_bytes - kNodeHeadsAt) / 4 - kHeadBytes - kSlotBytes;
}
constexpr bool is_node_page_size(size_t page_bytes) {
  return page_bytes == kLeafPageBytesSmall || page_bytes == kLeafPageBytesLarge;
}

// What an overflow object is referred to by: from a value, or from the rest of a long key.
struct OverflowRef {
  uint32_t total_bytes = 0;  // of the whole value, or of the whole key (inline part included)
  PagePointer root;          // kOverflow or kOverflowIndex, or dirty
  friend bool operator==(const OverflowRef&, const OverflowRef&) = default;
  static OverflowRef load(const std::byte* from);
  void store(std::byte* to) const;
};

// A key as a cell holds it. Borrows inline_part.
struct CellKey {
  std::string_view inline_part;     // the whole key, or exactly its first kMaxInlineKeyBytes
  std::optional<OverflowRef> rest;  // of a long key: the bytes after inline_part
};

// The same, owning its bytes: separators on their way from one node to another. Whoever holds it
// owns the overflow object too (it moves along; nothing is copied or freed here).
struct OwnedKey {
  std::string inline_part;
  std::optional<OverflowRef> rest;
  CellKey view() const { return {.inline_part = inline_part, .rest = rest}; }
};

// A value as a leaf's cell holds it. Borrows bytes.
struct CellValue {
  std::string_view bytes;               // the whole value; empty with `overflow`
  std::optional<OverflowRef> overflow;  // total_bytes is the value's length
};

// Which parts of an entry must become overflow objects before it can be put into a leaf of `page_bytes`.
struct CellPlan {
  bool key_overflows = false;
  bool value_overflows = false;
};
constexpr CellPlan plan_cell(size_t page_bytes, size_t key_bytes, size_t value_bytes) {
  const bool key_overflows = key_bytes > kMaxInlineKeyBytes;
  const size_t key_part = std::min(key_bytes, kMaxInlineKeyBytes) + (key_overflows ? kOverflowRefBytes : 0);
  return {.key_overflows = key_overflows,
          .value_overflows = kCellHeaderBytes + key_part + value_bytes > max_cell_bytes(page_bytes)};
}

// The first four bytes, big-endian, zeros where there are none: orders like the bytes do, except
// that equal heads say nothing.
uint32_t key_head(std::string_view suffix);

// Length of what a and b have in common at their beginning.
size_t common_prefix_bytes(std::string_view a, std::string_view b);

// The shortest s with left < s <= right: a prefix of right. Requires left < right.
std::string_view shortest_separator(std::string_view left, std::string_view right);

}  // namespace revd::btree

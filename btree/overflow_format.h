// How a long value, or the rest of a long key, is cut into pages: encoding only.
//
// The object's bytes lie in data pages, all full except the last one. One data page: its pointer is the
// root. More: index pages list pointers, level by level. Pages are written once and never change. Pure
// functions; page layout in btree/README.md, "Overflow". Units: bytes.
#pragma once

#include "btree/page_pointer.h"

namespace revd::btree {

inline constexpr size_t kOverflowDataBytes =
    kMaxPageBytes - kExtentHeaderBytes;                  // of the object, per full data page
inline constexpr size_t kOverflowIndexHeaderBytes = 16;  // after the extent header
inline constexpr size_t kOverflowFanout =
    (kMaxPageBytes - kExtentHeaderBytes - kOverflowIndexHeaderBytes) / PagePointer::kBytes;

// The family of page types that an overflow object is made of.
struct OverflowTypes {
  PageType data = PageType::kOverflow;
  PageType index = PageType::kOverflowIndex;
};

// The tree of pages over an object of total_bytes >= 1.
struct OverflowShape {
  explicit OverflowShape(uint64_t object_bytes);

  uint64_t total_bytes;
  uint64_t data_pages;
  uint8_t levels;  // of index pages above the data; 0: the root is the data page

  // Object bytes under a full page of `level` (0: a data page), and under each of its children.
  static uint64_t span(uint8_t level);
  static uint64_t child_span(uint8_t level) { return span(static_cast<uint8_t>(level - 1)); }
  // Pages of a level (0: data), and the object bytes under the i-th of them.
  uint64_t pages_at(uint8_t level) const;
  uint64_t covered_bytes(uint8_t level, uint64_t i) const;
  // Children of an index page of `level` that covers so many bytes.
  static size_t children_for(uint8_t level, uint64_t covered_bytes);
  // Length of data page i's frame, extent header included.
  size_t data_page_bytes(uint64_t i) const;
};

// Fills a frame: room for the extent header (zeros), then the bytes. page.size() == header + data.size().
void write_overflow_data(MutableByteSpan page, ByteSpan data);
// The object's bytes in a data page.
inline ByteSpan overflow_data(ByteSpan page) { return page.subspan(kExtentHeaderBytes); }

// An index page: the pointers to consecutive children which together hold covered_bytes of the object.
class OverflowIndexView {
 public:
  explicit OverflowIndexView(ByteSpan page) : page_(page) {}
  uint8_t level() const;
  size_t count() const;
  uint64_t covered_bytes() const;
  PagePointer child(size_t i) const;
  // Offset of child i's pointer in the page, to replace it in place.
  static size_t child_offset(size_t i);
  // Which child holds byte `offset` of what this page covers, and where that child begins.
  size_t child_of(uint64_t offset) const {
    return static_cast<size_t>(offset / OverflowShape::child_span(level()));
  }
  uint64_t child_begin(size_t i) const { return i * OverflowShape::child_span(level()); }

 private:
  ByteSpan page_;
};

// Length of an index page's frame with that many children.
constexpr size_t overflow_index_page_bytes(size_t children) {
  return kExtentHeaderBytes + kOverflowIndexHeaderBytes + children * PagePointer::kBytes;
}
// Writes an index page; page.size() == overflow_index_page_bytes(children.size()).
void write_overflow_index(MutableByteSpan page, uint8_t level, uint64_t covered_bytes,
                          std::span<const PagePointer> children);

// For pages from disk; the parent says what to expect. Errors are kDataLoss.
struct OverflowExpectation {
  uint8_t level = 0;           // 0: a data page
  uint64_t covered_bytes = 0;  // bytes of the object that it must hold
  OverflowTypes types;
  bool dirty_pointers_allowed = false;
};
Status validate_overflow_page(ByteSpan page, const OverflowExpectation& expected);

}  // namespace revd::btree

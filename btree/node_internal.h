// The parts of btree/node.h that both node kinds share: building a node from cells, and editing one.
//
// Everything that reorders a page (compacting, splitting, merging, another prefix) copies its sources to
// the stack and builds the page anew from them: one function writes nodes, build_node().
#pragma once

#include <array>
#include <cstring>

#include "btree/node.h"

namespace revd::btree {

// One cell, as its source holds it; the key's inline part is in two pieces.
struct CellParts {
  std::string_view key_begin;
  std::string_view key_end;
  ByteSpan key_rest;  // an encoded OverflowRef, or empty
  ByteSpan payload;
  bool payload_overflows = false;
  bool in_one_piece = false;  // key_end, key_rest and payload follow each other in memory

  size_t inline_key_bytes() const { return key_begin.size() + key_end.size(); }
  // What the cell takes with its head and slot in a page whose prefix has `prefix` bytes of its key.
  size_t bytes(size_t prefix) const {
    return kHeadBytes + kSlotBytes + kCellHeaderBytes + inline_key_bytes() - prefix + key_rest.size() +
           payload.size();
  }
};

// Room for an encoded reference, where a CellParts needs bytes to point to.
using EncodedRef = std::array<std::byte, kOverflowRefBytes>;
inline ByteSpan encode_ref(const std::optional<OverflowRef>& ref, EncodedRef& room) {
  if (!ref) return {};
  ref->store(room.data());
  return room;
}

// Reads a node with access to its insides.
class NodeReader : public NodeView {
 public:
  explicit NodeReader(const NodeView& node) : NodeView(node) {}
  using NodeView::cell_bytes;
  using NodeView::first_key_slot;
  using NodeView::heap_start;
  using NodeView::live_cell_bytes;
  using NodeView::payload_offset;
  using NodeView::prefix_bytes;
  CellParts parts(size_t i) const;
};

// The cells of one node, or of two neighbours in order; for inner nodes the right one's first child gets
// the separator between them as its key. Borrows the pages and the separator.
class CellSource {
 public:
  explicit CellSource(const NodeView& only) : left_(only), right_(only), count_(only.count()) {}
  CellSource(const NodeView& left, const NodeView& right)
      : left_(left), right_(right), count_(left.count() + right.count()) {}
  CellSource(const NodeView& left, const CellKey& between, const NodeView& right) : CellSource(left, right) {
    between_ = between.inline_part;
    between_rest_ = encode_ref(between.rest, between_rest_room_);
  }
  CellSource(const CellSource&) = delete;
  CellSource& operator=(const CellSource&) = delete;

  size_t count() const { return count_; }
  size_t left_count() const { return left_.count(); }
  uint8_t level() const { return left_.level(); }
  CellParts at(size_t i) const;
  OwnedKey owned_key(size_t i) const;
  // The longest prefix that the keys of cells [begin, end) share, as a node of their own has them.
  size_t shared_prefix_bytes(size_t begin, size_t end) const;
  // used_bytes of a node made of cells [begin, end).
  size_t built_bytes(size_t begin, size_t end) const;
  // built_bytes of all cells, without touching each.
  size_t total_bytes() const;
  // Slots of a node that have a key: all but an inner node's first.
  size_t first_key_slot() const { return level() == 0 ? 0 : 1; }

 private:
  NodeReader left_;
  NodeReader right_;
  size_t count_;
  std::string_view between_;
  EncodedRef between_rest_room_{};
  ByteSpan between_rest_;
};

// Writes a cell (its key without the first `prefix` bytes) and gives its head.
uint32_t write_cell(std::byte* to, const CellParts& cell, size_t prefix);

// Writes a node made of cells [begin, end) to `out`, which the source must not borrow. The prefix is as
// long as the keys allow, but at most max_prefix_bytes. The gap and the extent header become zero.
void build_node(MutableByteSpan out, const CellSource& source, size_t begin, size_t end,
                size_t max_prefix_bytes = kMaxInlineKeyBytes);

// A copy of a node, as a source for building over the original.
class NodeCopy {
 public:
  explicit NodeCopy(const NodeView& node) : page_bytes_(node.page_bytes()) {
    std::memcpy(bytes_, node.page().data(), page_bytes_);
  }
  NodeView view() const { return NodeView(ByteSpan(bytes_, page_bytes_)); }

 private:
  size_t page_bytes_;
  alignas(8) std::byte bytes_[kMaxPageBytes];
};

// Edits a node of either kind.
class NodeEditor : public NodeReader {
 public:
  explicit NodeEditor(MutableByteSpan page) : NodeReader(NodeView(page)), out_(page.data()) {}

  void init(uint8_t level);
  // `replaced`: the answer for a node without that slot (no attempt to lengthen the prefix then).
  bool can_insert(const CellParts& cell, std::optional<size_t> replaced = std::nullopt) const {
    return plan_insert(cell, replaced).fits;
  }
  bool insert(size_t index, const CellParts& cell);
  // The child without a separator, into an empty inner node.
  void insert_first_child(const CellParts& cell) { place(0, cell); }
  void erase(size_t i);
  bool replace_payload(size_t i, ByteSpan payload, bool overflows);
  void compactify();
  // Writes over a page pointer at an offset that the node gave out.
  void set_pointer(size_t offset, const PagePointer& pointer) { pointer.store(out_ + offset); }
  SplitPlan plan_split(size_t index, const CellParts& cell, SplitHint hint) const;

 private:
  struct InsertPlan {
    bool fits = false;
    bool rebuild = false;         // first, with a prefix of at most
    size_t max_prefix_bytes = 0;  // this many bytes
  };
  InsertPlan plan_insert(const CellParts& cell, std::optional<size_t> replaced) const;
  size_t gap_bytes() const { return heap_start() - kNodeHeadsAt - count() * (kHeadBytes + kSlotBytes); }
  void place(size_t index, const CellParts& cell);
  void rebuild(size_t max_prefix_bytes);
  void set_u16(size_t at, size_t value) { store_le(out_ + at, static_cast<uint16_t>(value)); }
  friend void build_node(MutableByteSpan, const CellSource&, size_t, size_t, size_t);

  std::byte* out_;
};

}  // namespace revd::btree

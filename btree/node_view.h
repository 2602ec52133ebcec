// NodeView, LeafView, InnerView: reading a node in place.
//
// A view borrows the page's bytes and is a plain value: copy it, use it from any thread while nobody
// changes the page. Nothing here allocates (copy_key appends to the caller's string), blocks, or
// fails: the bytes must be a node made by node.h or one that passed validate_node(). Slot indexes are
// 0 .. count()-1. Format: btree/README.md, "Node".
//
// Long keys. A key of more than kMaxInlineKeyBytes has only its first bytes here. Searching for such
// a key may therefore end in a tie: a range of slots whose inline part equals the searched key's. The
// caller then loads the rests: resolve_tie() below does it, given a function that loads one.
#pragma once

#include <compare>

#include "base/check.h"
#include "btree/node_format.h"

namespace revd::btree {

// A searched key's place: exact, or the first slot with a larger key (count() if there is none).
// While tied(), the place is somewhere in [index, tie_end] and exact is false.
struct Position {
  uint16_t index = 0;
  uint16_t tie_end = 0;  // 0 unless tied
  bool exact = false;
  bool tied() const { return tie_end > index; }
};

enum class KeyOrder : int8_t { kLess = -1, kEqual = 0, kGreater = 1, kTie = 2 };

class NodeView {
 public:
  explicit NodeView(ByteSpan page) : page_(page.data()), page_bytes_(static_cast<uint32_t>(page.size())) {}

  ByteSpan page() const { return {page_, page_bytes_}; }
  size_t page_bytes() const { return page_bytes_; }
  uint8_t level() const { return load_le<uint8_t>(page_ + kNodeLevelAt); }
  bool is_leaf() const { return level() == 0; }
  size_t count() const { return load_le<uint16_t>(page_ + kNodeCountAt); }

  // The key of slot i is prefix() + suffix(i) (+ the rest in the overflow object of key_rest(i)).
  // An inner node's slot 0 has no separator: it stands for "minus infinity" and its key is empty.
  std::string_view prefix() const;
  std::string_view suffix(size_t i) const;
  bool key_overflows(size_t i) const { return (key_word(i) & kOverflowFlag) != 0; }
  std::optional<OverflowRef> key_rest(size_t i) const;
  // Whole length of the key, its rest included.
  size_t key_bytes(size_t i) const;
  // Length of the part that is here.
  size_t inline_key_bytes(size_t i) const;
  // Appends the part that is here.
  void append_inline_key(size_t i, std::string& out) const;
  OwnedKey owned_key(size_t i) const;
  // How slot i's key compares with `key`; kTie if only the rest can tell.
  KeyOrder compare(size_t i, std::string_view key) const;

  // Space, in bytes. used + free == page_bytes; free counts garbage, for compacting regains it.
  size_t used_bytes() const;
  size_t free_bytes() const { return page_bytes_ - used_bytes(); }
  size_t garbage_bytes() const { return load_le<uint16_t>(page_ + kNodeGarbageAt); }
  // used_bytes without the fixed header, in percent of what a page has without it.
  unsigned fill_percent() const;

  // Calls f(offset in the page) for each 32-byte page pointer: children, and overflow objects of keys and
  // values.
  template <typename F>
  void visit_pointer_offsets(F&& f) const {
    for (size_t i = 0; i < count(); ++i) {
      const size_t payload = payload_offset(i);
      if (key_overflows(i)) f(payload - PagePointer::kBytes);
      if (!is_leaf())
        f(payload);
      else if ((payload_word(i) & kOverflowFlag) != 0)
        f(payload + payload_bytes(i) - PagePointer::kBytes);
    }
  }

 protected:
  size_t first_key_slot() const { return is_leaf() ? 0 : 1; }
  size_t heap_start() const { return load_le<uint16_t>(page_ + kNodeHeapStartAt); }
  size_t prefix_bytes() const { return load_le<uint16_t>(page_ + kNodePrefixBytesAt); }
  size_t live_cell_bytes() const { return page_bytes_ - heap_start() - garbage_bytes() - prefix_bytes(); }
  uint32_t head(size_t i) const { return load_le<uint32_t>(page_ + kNodeHeadsAt + i * kHeadBytes); }
  size_t slot(size_t i) const {
    return load_le<uint16_t>(page_ + kNodeHeadsAt + count() * kHeadBytes + i * kSlotBytes);
  }
  const std::byte* cell(size_t i) const { return page_ + slot(i); }
  uint16_t key_word(size_t i) const { return load_le<uint16_t>(cell(i)); }
  uint16_t payload_word(size_t i) const { return load_le<uint16_t>(cell(i) + 2); }
  size_t payload_offset(size_t i) const;
  size_t payload_bytes(size_t i) const { return payload_word(i) & kLengthMask; }
  size_t cell_bytes(size_t i) const { return payload_offset(i) - slot(i) + payload_bytes(i); }
  Position search(std::string_view key) const;

  const std::byte* page_;
  uint32_t page_bytes_;
};

class LeafView : public NodeView {
 public:
  using NodeView::NodeView;

  Position find(std::string_view key) const { return search(key); }
  bool value_overflows(size_t i) const { return (payload_word(i) & kOverflowFlag) != 0; }
  // Requires !value_overflows(i). Points into the page.
  std::string_view value(size_t i) const;
  // Requires value_overflows(i).
  OverflowRef value_overflow(size_t i) const { return OverflowRef::load(page_ + payload_offset(i)); }
  // Whole length of the value, wherever it is.
  size_t value_bytes(size_t i) const;
  // Both kinds in one.
  CellValue cell_value(size_t i) const;
};

// Child i covers the keys from separator i (included) to separator i+1 (excluded); child 0 everything
// below separator 1. count() is the number of children.
class InnerView : public NodeView {
 public:
  using NodeView::NodeView;

  // The child whose range holds `key`, as Position.index. While tied(), resolve_tie() first, then
  // child_at(). `exact` says that the key equals the child's separator.
  Position find_child(std::string_view key) const { return child_at(search(key)); }
  // find_child without the last step, for resolve_tie(); child_at() of its result is the child.
  Position find_separator(std::string_view key) const { return search(key); }
  static Position child_at(Position separator) {
    if (!separator.exact && !separator.tied()) --separator.index;
    return separator;
  }
  PagePointer child(size_t i) const { return PagePointer::load(page_ + payload_offset(i)); }
};

// Settles a tie: binary search over its slots by their rests. load_rest(const OverflowRef&) gives a
// Result of something that converts to std::string_view: the key's bytes after kMaxInlineKeyBytes
// (its errors are passed on). Gives the final position; on an InnerView pass it through child_at().
template <typename LoadRest>
Result<Position> resolve_tie(const NodeView& node, std::string_view key, Position tied,
                             LoadRest&& load_rest) {
  if (!tied.tied()) return tied;
  CHECK(key.size() > kMaxInlineKeyBytes);
  const std::string_view rest = key.substr(kMaxInlineKeyBytes);
  size_t low = tied.index;
  size_t high = tied.tie_end;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    TRY_ASSIGN(const auto loaded, load_rest(*node.key_rest(middle)));
    const auto order = std::string_view(loaded) <=> rest;
    if (order == 0) return Position{.index = static_cast<uint16_t>(middle), .tie_end = 0, .exact = true};
    (order < 0 ? low : high) = order < 0 ? middle + 1 : middle;
  }
  return Position{.index = static_cast<uint16_t>(low), .tie_end = 0, .exact = false};
}

// For bytes from disk. Afterwards no operation of a view or a mutable node can leave the page: lengths,
// bounds, overlaps, heads, the order of the keys (as far as their inline parts tell), cell limits, and
// page pointers (well-formed, of the fitting type; `dirty_pointers_allowed` for pages in memory).
// Errors are kDataLoss and say what is wrong.
struct ValidateOptions {
  uint8_t level = 0;  // what the parent expects
  bool dirty_pointers_allowed = false;
};
Status validate_node(ByteSpan page, const ValidateOptions& options);

}  // namespace revd::btree

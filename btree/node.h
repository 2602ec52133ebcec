// Leaf and Inner: changing a node in place, in a buffer that the caller owns.
//
// Pure functions over bytes: no I/O, no allocation except where a separator is handed out. One thread
// at a time. A mutable node is also its view (node_view.h). Operations that need room answer false and
// change nothing when there is none; requirements stated below are CHECKed. Overflow objects are only
// referred to: the tree creates them before an insert and frees them after an erase.
//
// Splitting, in the tree layer's words:
//   SplitPlan plan = leaf.plan_split(index, key, value, hint);
//   leaf.split(plan.cut, right);                     // right: an initialised empty leaf
//   (plan.into_right ? right : leaf).insert(plan.index, key, value);
//   Separator s = separator_between(leaf, right);    // goes to the parent with right's pointer
// Format: btree/README.md, "Node".
#pragma once

#include "btree/node_view.h"

namespace revd::btree {

// Below this fill the tree layer merges or rebalances.
inline constexpr unsigned kUnderfullPercent = 40;

enum class SplitHint : uint8_t {
  kBalanced,
  kAppend,  // the key goes to the end of the last node of its level: leave the left node full
};

struct SplitPlan {
  size_t cut = 0;           // cells [cut, count) go to the right node
  bool into_right = false;  // which node the new cell belongs to,
  size_t index = 0;         // and where in it
};

// What tells two neighbouring leaves apart.
struct Separator {
  std::string key;                // unless needs_whole_keys: the shortest prefix of right's first key
  bool needs_whole_keys = false;  // the inline parts tie: load both keys and use shortest_separator()
};

// Merges and moves that both node kinds share.
struct RebalancePlan {
  size_t left_count = 0;  // cells (leaf) or children (inner) that the left node will have
};

class Leaf : public LeafView {
 public:
  // Borrows a node (one made by init() or that passed validation) of 8 or 16 KiB.
  explicit Leaf(MutableByteSpan page) : LeafView(page), mutable_page_(page) {}
  // Makes an empty leaf; every byte is written.
  static Leaf init(MutableByteSpan page);
  MutableByteSpan mutable_page() { return mutable_page_; }

  // Whether the cell would fit, after compacting if need be.
  bool can_insert(const CellKey& key, const CellValue& value) const;
  // Puts a cell at `index`, where find() placed its key. Requires a cell within the limits (plan_cell).
  bool insert(size_t index, const CellKey& key, const CellValue& value);
  // Gives slot i another value.
  bool replace_value(size_t i, const CellValue& value);
  void erase(size_t i);
  // Changes a pointer where it stands.
  void set_value_pointer(size_t i, const PagePointer& root);
  void set_key_pointer(size_t i, const PagePointer& root);

  // Where to split so that the new cell fits afterwards. Requires a cell within the limits.
  SplitPlan plan_split(size_t index, const CellKey& key, const CellValue& value, SplitHint hint) const;
  // Moves cells [cut, count) to `right`, an empty leaf of the same size. 0 <= cut <= count.
  void split(size_t cut, Leaf& right);
  // Regains garbage and lengthens the prefix as far as the keys allow.
  void compactify();

 private:
  MutableByteSpan mutable_page_;
};

class Inner : public InnerView {
 public:
  explicit Inner(MutableByteSpan page) : InnerView(page), mutable_page_(page) {}
  // Makes an inner node with one child. level >= 1.
  static Inner init(MutableByteSpan page, uint8_t level, const PagePointer& first_child);
  MutableByteSpan mutable_page() { return mutable_page_; }

  bool can_insert(const CellKey& separator) const;
  // Puts a child at `index` (1 <= index <= count), beginning at `separator`.
  bool insert(size_t index, const CellKey& separator, const PagePointer& child);
  // Removes a child; its range goes to its left neighbour (for child 0: to child 1, whose separator
  // disappears). The removed separator's overflow object, if any, is the caller's to free
  // (owned_key(max(i, 1)) beforehand). Requires count() >= 2.
  void erase_child(size_t i);
  void set_child(size_t i, const PagePointer& child);
  void set_key_pointer(size_t i, const PagePointer& root);
  // Changes separator i >= 1, keeping the child.
  bool can_replace_separator(size_t i, const CellKey& separator) const;
  bool replace_separator(size_t i, const CellKey& separator);

  // As a leaf's. 1 <= cut < count, so that right gets at least one child.
  SplitPlan plan_split(size_t index, const CellKey& separator, SplitHint hint) const;
  // Moves children [cut, count) to `right_page` (initialised here) and gives the separator between the
  // nodes, which is in neither of them afterwards.
  OwnedKey split(size_t cut, MutableByteSpan right_page);
  void compactify();

 private:
  MutableByteSpan mutable_page_;
};

// For leaves with at least one cell each, left's before right's.
Separator separator_between(const LeafView& left, const LeafView& right);
// The same for what the leaves will be after rebalance(plan).
Separator separator_after(const LeafView& left, const LeafView& right, const RebalancePlan& plan);

// used_bytes of a node that holds both nodes' cells; it fits if this is at most page_bytes.
size_t merged_bytes(const LeafView& left, const LeafView& right);
// Moves all of right's cells to left. Requires merged_bytes <= page_bytes. right's bytes stay as they were.
void merge(Leaf& left, const LeafView& right);
// A cut that makes both about equally full; nullopt if no such cut fits or nothing would move.
std::optional<RebalancePlan> plan_rebalance(const LeafView& left, const LeafView& right);
void rebalance(Leaf& left, Leaf& right, const RebalancePlan& plan);

// The same for inner nodes. `between` is their separator in the parent, which comes down; after a
// rebalance another one goes up (separator_after) in its place.
size_t merged_bytes(const InnerView& left, const CellKey& between, const InnerView& right);
void merge(Inner& left, const CellKey& between, const InnerView& right);
std::optional<RebalancePlan> plan_rebalance(const InnerView& left, const CellKey& between,
                                            const InnerView& right);
OwnedKey separator_after(const InnerView& left, const CellKey& between, const InnerView& right,
                         const RebalancePlan& plan);
void rebalance(Inner& left, const CellKey& between, Inner& right, const RebalancePlan& plan);

// Writes `node` to `out` (same size) without garbage and with zeros in the gap and in the extent header.
void write_compact(const NodeView& node, MutableByteSpan out);

// What the disk gets of a page: of a node, its compact form in `scratch` (at least page.size() bytes), so
// that deleted data doesn't get there and compresses away; of any other page, the page itself.
ByteSpan disk_image(ByteSpan page, PageType type, MutableByteSpan scratch);

}  // namespace revd::btree

// TreeWriter: put and erase on the live trees: copy on write, splits, merging of underfull nodes.
//
// One operation goes: descend, pinning the path; read whatever else the change may need (a sibling for each
// node that may become underfull, index pages of the long value that goes); make sure of room for new pages;
// make the path writable from the root down; change. All that can fail or miss comes before the first change,
// except that a long separator (more than kMaxInlineKeyBytes) is read and written in the middle: a failure
// there stops the page file.
//
// Invariants, checked by the verifier: a node other than the root has at least kUnderfullPercent of its bytes
// used, unless it was the right part of a split at the right edge, no neighbour under the same parent could
// take part in merging, or the parent had no room for a longer separator. No leaf but a root is empty. Thread
// rule: the reactor thread, inside an open transaction. Borrows store and context. Errors: write_txn.h.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "btree/node.h"
#include "btree/page_store.h"

namespace revd::btree {

class TreeWriter {
 public:
  TreeWriter(PageStore& store, ReadContext& context) : store_(store), context_(context) {}

  Status put(TreeRoot& tree, std::string_view key, std::string_view value);
  // False: no such key, nothing changed.
  Result<bool> erase(TreeRoot& tree, std::string_view key);

 private:
  // One node of the path, by level; 0 is the leaf.
  struct Step {
    PageRef page;
    PagePointer reference;  // as its parent (or the tree's root) has it
    size_t index = 0;       // inner: the child taken
    PageRef sibling;        // read beforehand, for merging
    PagePointer sibling_reference;
    bool sibling_is_right = false;
  };
  class PathGuard;

  // Descends to the leaf; the key's position in it.
  Result<Position> descend(const TreeRoot& tree, std::string_view key);
  // Reads siblings of the nodes that `removed` bytes less in the leaf may make underfull.
  Status read_siblings(const TreeRoot& tree, size_t removed);
  Status read_sibling(const TreeRoot& tree, uint8_t level);
  Status reserve(const TreeRoot& tree);
  void make_path_writable(TreeRoot& tree);
  void set_reference(TreeRoot& tree, uint8_t level);

  bool append(TreeRoot& tree, std::string_view key, std::string_view value);
  void remember_append(const TreeRoot& tree);
  Status put_first(TreeRoot& tree, std::string_view key, std::string_view value);
  Status put_at(TreeRoot& tree, Position place, std::string_view key, std::string_view value);
  // The cell for an entry; makes overflow objects where it needs them.
  Status make_value(const TreeRoot& tree, size_t key_bytes, std::string_view value, CellValue& cell);
  Result<CellKey> make_key(TreeId tree, std::string_view key);
  Status insert_cell(TreeRoot& tree, size_t index, const CellKey& key, const CellValue& value);
  Status split_leaf(TreeRoot& tree, size_t index, const CellKey& key, const CellValue& value);
  // Puts the separator and the right node of a split into the parent of the node at `level`.
  Status insert_right(TreeRoot& tree, uint8_t level, OwnedKey separator, PagePointer right);
  void grow_root(TreeRoot& tree, const OwnedKey& separator, const PagePointer& right);
  bool at_right_edge(const TreeRoot& tree, uint8_t from_level);

  Status fix_underfull(TreeRoot& tree, uint8_t level);
  Status remove_empty(TreeRoot& tree, uint8_t& level);
  void collapse_root(TreeRoot& tree);
  // Merges or rebalances the node at `level` with its sibling; `merged` says whether the parent lost a child.
  Status join_leaves(TreeRoot& tree, bool& merged);
  Status join_inners(uint8_t level, bool& merged);
  struct Pair;
  Pair pair_at(uint8_t level);
  void make_pair_writable(Pair& pair, Inner& parent, bool both);
  Status replace_separator(const TreeRoot& tree, Pair& pair, OwnedKey separator, bool& replaced);
  Result<OwnedKey> whole_separator(const TreeRoot& tree, const LeafView& left, const LeafView& right,
                                   size_t left_count);
  Result<OwnedKey> own_separator(TreeId tree, std::string_view key);
  Status release_rest(TreeId tree, const OwnedKey& separator);
  Inner inner_at(uint8_t level) { return Inner(store_.mutable_page(steps_[level].page.frame())); }
  Leaf leaf_at() { return Leaf(store_.mutable_page(steps_[0].page.frame())); }
  void mark_referring(FrameId frame) { store_.cache().frame(frame).may_refer_to_dirty = true; }

  PageStore& store_;
  ReadContext& context_;
  std::array<Step, kMaxTreeHeight> steps_;
  std::vector<PagePointer> released_;  // pages that the operation replaces
  // The last leaf of a tree that is being appended to.
  struct Append {
    TreeId tree;
    FrameId frame = kNoFrame;
    DirtyId id;
  } append_;
};

}  // namespace revd::btree

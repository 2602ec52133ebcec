// TreeWriter: erase, and what keeps nodes from staying underfull.
#include "base/check.h"
#include "btree/overflow.h"
#include "btree/tree_read.h"
#include "btree/tree_write.h"
#include "btree/tree_write_internal.h"

namespace revd::btree {

namespace {

// A little above the bound, for estimates that must not come out too low.
constexpr size_t kCautiousPercent = kUnderfullPercent + 3;
// What a cell takes beside its key's and value's inline bytes, at most.
constexpr size_t kCellOverhead =
    kCellHeaderBytes + kHeadBytes + kSlotBytes + 2 * kOverflowRefBytes + PagePointer::kBytes;

bool may_become_underfull(const NodeView& node, size_t removed) {
  const size_t used = node.used_bytes() - std::min(node.used_bytes(), removed);
  return used < kNodeHeadsAt + (node.page_bytes() - kNodeHeadsAt) * kCautiousPercent / 100;
}

// Merging leaves some room, so that the next insert doesn't split the node again.
constexpr size_t merge_limit(size_t page_bytes) { return page_bytes - page_bytes / 8; }

ReadContext blocking_writer() { return {.mode = ReadMode::kBlocking, .for_writing = true, .missing = {}}; }

}  // namespace

Result<bool> TreeWriter::erase(TreeRoot& tree, std::string_view key) {
  TRY(store_.failed());
  if (tree.height == 0 || key.empty()) return false;
  append_ = {};
  const PathGuard guard(*this, tree);
  TRY_ASSIGN(const Position place, descend(tree, key));
  if (!place.exact) return false;
  {
    const LeafView leaf = leaf_at();
    if (leaf.value_overflows(place.index)) {
      const OverflowRef value = leaf.value_overflow(place.index);
      TRY(collect_object(store_, context_, tree.id, value.root, value.total_bytes, released_));
    }
    if (const auto rest = leaf.key_rest(place.index))
      TRY(collect_object(store_, context_, tree.id, rest->root, rest_bytes(*rest), released_));
    const size_t cell =
        leaf.suffix(place.index).size() + leaf.cell_value(place.index).bytes.size() + kCellOverhead;
    TRY(read_siblings(tree, cell));
  }
  TRY(reserve(tree));
  make_path_writable(tree);
  leaf_at().erase(place.index);
  --tree.key_count;
  for (const PagePointer& page : released_) store_.release(page);
  TRY(fix_underfull(tree, 0));
  return true;
}

Status TreeWriter::read_siblings(const TreeRoot& tree, size_t removed) {
  for (uint8_t level = 0; level + 1 < tree.height; ++level) {
    if (!may_become_underfull(NodeView(store_.page(steps_[level].page.frame())), removed)) return {};
    TRY(read_sibling(tree, level));
    removed = std::min(kMaxInlineKeyBytes + kCellOverhead, kInnerPageBytes / 8);
  }
  return {};
}

Status TreeWriter::read_sibling(const TreeRoot& tree, uint8_t level) {
  const Inner parent = inner_at(static_cast<uint8_t>(level + 1));
  const size_t index = steps_[level + 1].index;
  if (parent.count() < 2) return {};
  Step& step = steps_[level];
  step.sibling_is_right = index + 1 < parent.count();
  step.sibling_reference = parent.child(step.sibling_is_right ? index + 1 : index - 1);
  TRY_ASSIGN(
      step.sibling,
      store_.fetch_pinned(context_, {.tree = tree.id, .pointer = step.sibling_reference, .level = level}));
  return {};
}

Status TreeWriter::fix_underfull(TreeRoot& tree, uint8_t level) {
  while (true) {
    if (level + 1 == tree.height) {
      collapse_root(tree);
      return {};
    }
    const NodeView node(store_.page(steps_[level].page.frame()));
    bool merged = false;
    if (level == 0 && node.count() == 0) {
      TRY(remove_empty(tree, level));
      if (tree.height == 0) return {};
      continue;
    }
    if (node.fill_percent() >= kUnderfullPercent) return {};
    if (steps_[level].sibling) {
      Status status = level == 0 ? join_leaves(tree, merged) : join_inners(level, merged);
      if (!status.ok()) {
        store_.fail(status.error());
        return status;
      }
    } else {
      // An only child stays as it is; its parent, with a single child, may find a neighbour to join.
      merged = inner_at(static_cast<uint8_t>(level + 1)).count() == 1;
    }
    if (!merged) return {};
    ++level;
  }
}

// Takes an empty leaf out, with ancestors that had no other child. `level` becomes that of the node that lost
// a child.
Status TreeWriter::remove_empty(TreeRoot& tree, uint8_t& level) {
  while (true) {
    store_.release(steps_[level].reference);
    ++level;
    if (level == tree.height) {
      CHECK(tree.key_count == 0);
      tree.root = {};
      tree.height = 0;
      return {};
    }
    Inner parent = inner_at(level);
    if (parent.count() == 1) continue;
    const size_t index = steps_[level].index;
    const OwnedKey separator = parent.owned_key(std::max<size_t>(index, 1));
    parent.erase_child(index);
    Status status = release_rest(tree.id, separator);
    if (!status.ok()) store_.fail(status.error());
    return status;
  }
}

void TreeWriter::collapse_root(TreeRoot& tree) {
  if (tree.height == 1) {
    if (leaf_at().count() > 0) return;
    store_.release(tree.root);
    tree.root = {};
    tree.height = 0;
    return;
  }
  // Usually once; a lone child's only child follows when the right edge had been split just before.
  uint8_t level = static_cast<uint8_t>(tree.height - 1);
  while (level > 0) {
    const Inner root = inner_at(level);
    if (root.count() > 1) return;
    const PagePointer child = root.child(0);
    store_.release(tree.root);
    tree.root = child;
    --tree.height;
    --level;
    // The path goes on only if its node is that child; otherwise the new root is seen to by a later erase.
    if (child != steps_[level].reference) return;
  }
}

TreeWriter::Pair TreeWriter::pair_at(uint8_t level) {
  Step& step = steps_[level];
  Step& parent = steps_[level + 1];
  if (step.sibling_is_right)
    return {.parent = &parent,
            .right_index = parent.index + 1,
            .left = &step.page,
            .left_reference = &step.reference,
            .right = &step.sibling,
            .right_reference = &step.sibling_reference};
  return {.parent = &parent,
          .right_index = parent.index,
          .left = &step.sibling,
          .left_reference = &step.sibling_reference,
          .right = &step.page,
          .right_reference = &step.reference};
}

// Makes the left node, and for a move of cells the right one too, changeable.
void TreeWriter::make_pair_writable(Pair& pair, Inner& parent, bool both) {
  store_.make_writable(*pair.left, *pair.left_reference);
  parent.set_child(pair.right_index - 1, *pair.left_reference);
  if (both) {
    store_.make_writable(*pair.right, *pair.right_reference);
    parent.set_child(pair.right_index, *pair.right_reference);
  }
  mark_referring(pair.parent->page.frame());
  const bool refers = store_.cache().frame(pair.left->frame()).may_refer_to_dirty ||
                      store_.cache().frame(pair.right->frame()).may_refer_to_dirty;
  if (refers) mark_referring(pair.left->frame());
  if (refers && both) mark_referring(pair.right->frame());
}

Status TreeWriter::join_leaves(TreeRoot& tree, bool& merged) {
  Pair pair = pair_at(0);
  Inner parent = inner_at(1);
  const auto left = [&] { return Leaf(store_.mutable_page(pair.left->frame())); };
  const auto right = [&] { return Leaf(store_.mutable_page(pair.right->frame())); };
  const size_t together = merged_bytes(left(), right());
  const auto plan =
      together <= merge_limit(tree.leaf_page_bytes) ? std::nullopt : plan_rebalance(left(), right());
  if (plan) {
    Separator separator = separator_after(left(), right(), *plan);
    OwnedKey owned{.inline_part = std::move(separator.key), .rest = {}};
    if (separator.needs_whole_keys) {
      TRY_ASSIGN(owned, whole_separator(tree, left(), right(), plan->left_count));
    }
    bool replaced = false;
    TRY(replace_separator(tree, pair, std::move(owned), replaced));
    if (!replaced) return {};
    make_pair_writable(pair, parent, true);
    Leaf to = left();
    Leaf from = right();
    rebalance(to, from, *plan);
    return {};
  }
  if (together > tree.leaf_page_bytes) return {};
  make_pair_writable(pair, parent, false);
  Leaf to = left();
  merge(to, right());
  const OwnedKey separator = parent.owned_key(pair.right_index);
  parent.erase_child(pair.right_index);
  store_.release(*pair.right_reference);
  merged = true;
  return release_rest(tree.id, separator);
}

Status TreeWriter::join_inners(uint8_t level, bool& merged) {
  Pair pair = pair_at(level);
  Inner parent = inner_at(static_cast<uint8_t>(level + 1));
  const auto left = [&] { return Inner(store_.mutable_page(pair.left->frame())); };
  const auto right = [&] { return Inner(store_.mutable_page(pair.right->frame())); };
  const OwnedKey between = parent.owned_key(pair.right_index);
  const size_t together = merged_bytes(left(), between.view(), right());
  if (together <= merge_limit(kInnerPageBytes)) {
    make_pair_writable(pair, parent, false);
    Inner to = left();
    merge(to, between.view(), right());
    parent.erase_child(pair.right_index);
    store_.release(*pair.right_reference);
    merged = true;
    return {};
  }
  const auto plan = plan_rebalance(left(), between.view(), right());
  if (!plan) return {};
  const OwnedKey up = separator_after(left(), between.view(), right(), *plan);
  if (!parent.can_replace_separator(pair.right_index, up.view())) return {};
  make_pair_writable(pair, parent, true);
  Inner to = left();
  Inner from = right();
  rebalance(to, between.view(), from, *plan);
  CHECK(parent.replace_separator(pair.right_index, up.view()));
  return {};
}

// The old separator's rest goes; if the parent has no room for the new one, nothing changes.
Status TreeWriter::replace_separator(const TreeRoot& tree, Pair& pair, OwnedKey separator, bool& replaced) {
  Inner parent(store_.mutable_page(pair.parent->page.frame()));
  replaced = parent.can_replace_separator(pair.right_index, separator.view());
  if (!replaced) return release_rest(tree.id, separator);
  const OwnedKey before = parent.owned_key(pair.right_index);
  CHECK(parent.replace_separator(pair.right_index, separator.view()));
  if (separator.rest) mark_referring(pair.parent->page.frame());
  return release_rest(tree.id, before);
}

Status TreeWriter::release_rest(TreeId tree, const OwnedKey& separator) {
  if (!separator.rest) return {};
  std::vector<PagePointer> pages;
  ReadContext blocking = blocking_writer();
  TRY(collect_object(store_, blocking, tree, separator.rest->root, rest_bytes(*separator.rest), pages));
  for (const PagePointer& page : pages) store_.release(page);
  return {};
}

}  // namespace revd::btree

#include "btree/tree_write.h"

#include "base/check.h"
#include "btree/overflow.h"
#include "btree/tree_read.h"
#include "btree/tree_write_internal.h"
#include "btree/write_txn.h"

namespace revd::btree {

namespace {

Status check_entry(std::string_view key, std::string_view value) {
  if (key.empty()) return Error(ErrorCode::kInvalidArgument, "a key has at least one byte");
  if (key.size() > kMaxObjectBytes || value.size() > kMaxObjectBytes)
    return Error(ErrorCode::kInvalidArgument, "a key or value is too long");
  return {};
}

}  // namespace

Status TreeWriter::put(TreeRoot& tree, std::string_view key, std::string_view value) {
  TRY(store_.failed());
  TRY(check_entry(key, value));
  if (append(tree, key, value)) return {};
  append_ = {};
  const PathGuard guard(*this, tree);
  if (tree.height == 0) return put_first(tree, key, value);
  TRY_ASSIGN(const Position place, descend(tree, key));
  return put_at(tree, place, key, value);
}

// The common case of loading in order: the key belongs at the end of the leaf that took the last one.
bool TreeWriter::append(TreeRoot& tree, std::string_view key, std::string_view value) {
  if (append_.tree != tree.id) return false;
  const Frame& frame = store_.cache().frame(append_.frame);
  if (frame.state != FrameState::kDirty || frame.dirty_id != append_.id || !store_.is_writable(append_.frame))
    return false;
  Leaf leaf({store_.cache().data(append_.frame), tree.leaf_page_bytes});
  const size_t count = leaf.count();
  if (count == 0 || leaf.compare(count - 1, key) != KeyOrder::kLess) return false;
  const CellPlan plan = plan_cell(tree.leaf_page_bytes, key.size(), value.size());
  if (plan.key_overflows || plan.value_overflows) return false;
  if (!leaf.insert(count, {.inline_part = key, .rest = {}}, {.bytes = value, .overflow = {}})) return false;
  ++tree.key_count;
  store_.count_change();
  return true;
}

void TreeWriter::remember_append(const TreeRoot& tree) {
  const FrameId frame = steps_[0].page.frame();
  append_ = {.tree = tree.id, .frame = frame, .id = store_.cache().frame(frame).dirty_id};
}

Result<Position> TreeWriter::descend(const TreeRoot& tree, std::string_view key) {
  PagePointer reference = tree.root;
  for (uint8_t level = static_cast<uint8_t>(tree.height - 1);; --level) {
    Step& step = steps_[level];
    TRY_ASSIGN(step.page,
               store_.fetch_pinned(context_, {.tree = tree.id, .pointer = reference, .level = level}));
    step.reference = reference;
    prefetch_node(store_.data(step.page.frame()));
    if (level == 0) {
      const LeafView leaf = leaf_at();
      const Position place = leaf.find(key);
      if (!place.tied()) [[likely]]
        return place;
      return settle_tie(store_, context_, tree.id, leaf, key, place);
    }
    const Inner node = inner_at(level);
    TRY_ASSIGN(step.index, find_child(store_, context_, tree.id, node, key));
    reference = node.child(step.index);
  }
}

Status TreeWriter::reserve(const TreeRoot& tree) {
  // Each level may be copied, its sibling too, and be split; the root may get a parent.
  return store_.reserve(size_t{tree.height} * 3 + 4);
}

void TreeWriter::set_reference(TreeRoot& tree, uint8_t level) {
  if (level + 1 == tree.height) {
    tree.root = steps_[level].reference;
    return;
  }
  inner_at(static_cast<uint8_t>(level + 1)).set_child(steps_[level + 1].index, steps_[level].reference);
  mark_referring(steps_[level + 1].page.frame());
}

// A writable leaf has writable ancestors: each was made changeable when it got the leaf's dirty reference,
// and no version was pinned since.
void TreeWriter::make_path_writable(TreeRoot& tree) {
  store_.count_change();
  if (store_.is_writable(steps_[0].page.frame())) return;
  for (uint8_t level = tree.height; level-- > 0;) {
    Step& step = steps_[level];
    const PagePointer before = step.reference;
    store_.make_writable(step.page, step.reference);
    if (step.reference != before) set_reference(tree, level);
  }
}

Status TreeWriter::make_value(const TreeRoot& tree, size_t key_bytes, std::string_view value,
                              CellValue& cell) {
  if (!plan_cell(tree.leaf_page_bytes, key_bytes, value.size()).value_overflows) {
    cell = {.bytes = value, .overflow = {}};
    return {};
  }
  TRY_ASSIGN(const PagePointer root, write_object(store_, tree.id, value));
  cell = {.bytes = {},
          .overflow = OverflowRef{.total_bytes = static_cast<uint32_t>(value.size()), .root = root}};
  return {};
}

Result<CellKey> TreeWriter::make_key(TreeId tree, std::string_view key) {
  if (key.size() <= kMaxInlineKeyBytes) return CellKey{.inline_part = key, .rest = {}};
  TRY_ASSIGN(const PagePointer root, write_object(store_, tree, key.substr(kMaxInlineKeyBytes)));
  return CellKey{.inline_part = key.substr(0, kMaxInlineKeyBytes),
                 .rest = OverflowRef{.total_bytes = static_cast<uint32_t>(key.size()), .root = root}};
}

Status TreeWriter::put_first(TreeRoot& tree, std::string_view key, std::string_view value) {
  CellValue cell_value;
  TRY(make_value(tree, key.size(), value, cell_value));
  TRY_ASSIGN(const CellKey cell_key, make_key(tree.id, key));
  TRY(reserve(tree));
  Step& step = steps_[0];
  step.page = store_.new_page(tree.id, PageType::kLeaf, tree.leaf_page_bytes, step.reference);
  Leaf leaf = Leaf::init(store_.mutable_page(step.page.frame()));
  CHECK(leaf.insert(0, cell_key, cell_value));
  if (cell_key.rest || cell_value.overflow) mark_referring(step.page.frame());
  tree.root = step.reference;
  tree.height = 1;
  tree.key_count = 1;
  store_.count_change();
  remember_append(tree);
  return {};
}

Status TreeWriter::put_at(TreeRoot& tree, Position place, std::string_view key, std::string_view value) {
  if (place.exact) {
    const LeafView leaf = leaf_at();
    if (leaf.value_overflows(place.index)) {
      const OverflowRef old = leaf.value_overflow(place.index);
      TRY(collect_object(store_, context_, tree.id, old.root, old.total_bytes, released_));
    }
    const size_t old_bytes = leaf.cell_value(place.index).bytes.size();
    const bool long_value = plan_cell(tree.leaf_page_bytes, key.size(), value.size()).value_overflows;
    const size_t new_bytes = long_value ? kOverflowRefBytes : value.size();
    if (old_bytes > new_bytes) TRY(read_siblings(tree, old_bytes - new_bytes));
  }
  CellValue cell_value;
  TRY(make_value(tree, key.size(), value, cell_value));
  CellKey cell_key;
  if (!place.exact) {
    TRY_ASSIGN(cell_key, make_key(tree.id, key));
  }
  TRY(reserve(tree));
  make_path_writable(tree);
  Leaf leaf = leaf_at();
  if (cell_key.rest || cell_value.overflow) mark_referring(steps_[0].page.frame());
  for (const PagePointer& page : released_) store_.release(page);
  if (!place.exact) {
    ++tree.key_count;
    return insert_cell(tree, place.index, cell_key, cell_value);
  }
  if (leaf.replace_value(place.index, cell_value)) return fix_underfull(tree, 0);
  const OwnedKey same = leaf.owned_key(place.index);
  leaf.erase(place.index);
  return insert_cell(tree, place.index, same.view(), cell_value);
}

Status TreeWriter::insert_cell(TreeRoot& tree, size_t index, const CellKey& key, const CellValue& value) {
  Leaf leaf = leaf_at();
  const bool at_end = index == leaf.count() && at_right_edge(tree, 1);
  if (!leaf.insert(index, key, value)) return split_leaf(tree, index, key, value);
  if (at_end) remember_append(tree);
  return {};
}

bool TreeWriter::at_right_edge(const TreeRoot& tree, uint8_t from_level) {
  for (uint8_t level = from_level; level < tree.height; ++level)
    if (steps_[level].index + 1 != inner_at(level).count()) return false;
  return true;
}

Status TreeWriter::split_leaf(TreeRoot& tree, size_t index, const CellKey& key, const CellValue& value) {
  Leaf left = leaf_at();
  const bool append = index == left.count() && at_right_edge(tree, 1);
  PagePointer right_reference;
  PageRef right_page = store_.new_page(tree.id, PageType::kLeaf, tree.leaf_page_bytes, right_reference);
  if (store_.cache().frame(steps_[0].page.frame()).may_refer_to_dirty) mark_referring(right_page.frame());
  Leaf right = Leaf::init(store_.mutable_page(right_page.frame()));
  const SplitPlan plan =
      left.plan_split(index, key, value, append ? SplitHint::kAppend : SplitHint::kBalanced);
  left.split(plan.cut, right);
  CHECK((plan.into_right ? right : left).insert(plan.index, key, value));
  Separator separator = separator_between(left, right);
  OwnedKey owned{.inline_part = std::move(separator.key), .rest = {}};
  if (separator.needs_whole_keys) {
    auto whole = whole_separator(tree, left, right, left.count());
    if (!whole.ok()) {
      store_.fail(whole.error());
      return whole.error();
    }
    owned = std::move(whole).value();
  }
  TRY(insert_right(tree, 0, std::move(owned), right_reference));
  if (append) {
    steps_[0].page = std::move(right_page);
    remember_append(tree);
  }
  return {};
}

Status TreeWriter::insert_right(TreeRoot& tree, uint8_t level, OwnedKey separator, PagePointer right) {
  while (true) {
    if (level + 1 == tree.height) {
      grow_root(tree, separator, right);
      return {};
    }
    ++level;
    const size_t index = steps_[level].index + 1;
    Inner node = inner_at(level);
    mark_referring(steps_[level].page.frame());
    if (node.insert(index, separator.view(), right)) return {};
    const bool append = index == node.count() && at_right_edge(tree, static_cast<uint8_t>(level + 1));
    const SplitPlan plan =
        node.plan_split(index, separator.view(), append ? SplitHint::kAppend : SplitHint::kBalanced);
    PagePointer new_right;
    const PageRef new_page = store_.new_page(tree.id, PageType::kInner, kInnerPageBytes, new_right);
    OwnedKey up = node.split(plan.cut, store_.mutable_page(new_page.frame()));
    Inner right_node(store_.mutable_page(new_page.frame()));
    CHECK((plan.into_right ? right_node : node).insert(plan.index, separator.view(), right));
    separator = std::move(up);
    right = new_right;
  }
}

void TreeWriter::grow_root(TreeRoot& tree, const OwnedKey& separator, const PagePointer& right) {
  CHECK(tree.height < kMaxTreeHeight);
  PagePointer reference;
  const PageRef page = store_.new_page(tree.id, PageType::kInner, kInnerPageBytes, reference);
  Inner root = Inner::init(store_.mutable_page(page.frame()), tree.height, tree.root);
  CHECK(root.insert(1, separator.view(), right));
  tree.root = reference;
  ++tree.height;
}

// The shortest separator between the cells left_count - 1 and left_count of both leaves' cells, when their
// inline parts tie.
Result<OwnedKey> TreeWriter::whole_separator(const TreeRoot& tree, const LeafView& left,
                                             const LeafView& right, size_t left_count) {
  ReadContext blocking{.mode = ReadMode::kBlocking, .for_writing = true, .missing = {}};
  std::string before;
  std::string after;
  const auto read = [&](size_t i, std::string& key) {
    const bool in_left = i < left.count();
    return read_key(store_, blocking, tree.id, in_left ? left : right, in_left ? i : i - left.count(), key);
  };
  TRY(read(left_count - 1, before));
  TRY(read(left_count, after));
  TRY_ASSIGN(OwnedKey owned, own_separator(tree.id, shortest_separator(before, after)));
  TRY(reserve(tree));
  return owned;
}

Result<OwnedKey> TreeWriter::own_separator(TreeId tree, std::string_view key) {
  TRY_ASSIGN(const CellKey cell, make_key(tree, key));
  return OwnedKey{.inline_part = std::string(cell.inline_part), .rest = cell.rest};
}

}  // namespace revd::btree

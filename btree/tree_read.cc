#include "btree/tree_read.h"

namespace revd::btree {

Result<LeafPlace> find_leaf(PageStore& store, ReadContext& context, const TreeRoot& tree,
                            std::string_view key) {
  if (tree.height == 0) return LeafPlace();
  if (key.size() > kMaxInlineKeyBytes) return find_leaf_of_long_key(store, context, tree, key);
  PagePointer reference = tree.root;
  for (uint8_t level = static_cast<uint8_t>(tree.height - 1);; --level) {
    FrameId frame = store.lookup(reference);
    if (frame == kNoFrame) [[unlikely]] {
      TRY_ASSIGN(frame, store.fetch(context, {.tree = tree.id, .pointer = reference, .level = level}));
    }
    const std::byte* page = store.data(frame);
    prefetch_node(page);
    if (level == 0)
      return LeafPlace{.frame = frame, .position = LeafView({page, tree.leaf_page_bytes}).find(key)};
    const InnerView node({page, kInnerPageBytes});
    reference = node.child(node.find_child(key).index);
  }
}

Result<LeafPlace> find_leaf_of_long_key(PageStore& store, ReadContext& context, const TreeRoot& tree,
                                        std::string_view key) {
  PagePointer reference = tree.root;
  for (uint8_t level = static_cast<uint8_t>(tree.height - 1);; --level) {
    TRY_ASSIGN(const PageRef page,
               store.fetch_pinned(context, {.tree = tree.id, .pointer = reference, .level = level}));
    if (level == 0) {
      const LeafView leaf = leaf_view(store, tree, page.frame());
      TRY_ASSIGN(const Position place, settle_tie(store, context, tree.id, leaf, key, leaf.find(key)));
      return LeafPlace{.frame = page.frame(), .position = place};
    }
    const InnerView node(store.page(page.frame()));
    TRY_ASSIGN(const size_t child, find_child(store, context, tree.id, node, key));
    reference = node.child(child);
  }
}

Result<bool> get_value(PageStore& store, ReadContext& context, const TreeRoot& tree, std::string_view key,
                       std::string& value) {
  TRY_ASSIGN(const LeafPlace place, find_leaf(store, context, tree, key));
  if (!place.position.exact) return false;
  const LeafView leaf = leaf_view(store, tree, place.frame);
  if (!leaf.value_overflows(place.position.index)) [[likely]] {
    value.assign(leaf.value(place.position.index));
    return true;
  }
  const OverflowRef object = leaf.value_overflow(place.position.index);
  std::string bytes;
  TRY(read_object(store, context, tree.id, object.root, object.total_bytes, bytes));
  value = std::move(bytes);
  return true;
}

}  // namespace revd::btree

// Finding one key: the descent from a root to a leaf.
//
// On the hot path a level costs one hash look-up and one search, and nothing is pinned or allocated:
// single-threaded code between two fetches sees frames stay where they are.
// Thread rule, errors: page_store.h.
#pragma once

#include <string_view>

#include "btree/node_view.h"
#include "btree/overflow.h"
#include "btree/page_store.h"

namespace revd::btree {

// Where a search ended. The frame is good until something else is fetched or changed.
struct LeafPlace {
  FrameId frame = kNoFrame;  // kNoFrame: the tree is empty
  Position position;
};

// Fetches memory that a search of the node will read, all at once instead of one line after the other.
inline void prefetch_node(const std::byte* page) {
  for (size_t line = 0; line < 320; line += 64) __builtin_prefetch(page + line);
}

// The node's child for `key`, or error. `node` must be pinned by the caller if `key` is longer than
// kMaxInlineKeyBytes.
inline Result<size_t> find_child(PageStore& store, ReadContext& context, TreeId tree, const InnerView& node,
                                 std::string_view key) {
  const Position child = node.find_child(key);
  if (!child.tied()) [[likely]]
    return child.index;
  TRY_ASSIGN(const Position separator, settle_tie(store, context, tree, node, key, node.find_separator(key)));
  return InnerView::child_at(separator).index;
}

// The leaf whose range covers `key`, and the key's place in it.
Result<LeafPlace> find_leaf(PageStore& store, ReadContext& context, const TreeRoot& tree,
                            std::string_view key);

// Slow, for long keys: pins what it reads, settles ties.
Result<LeafPlace> find_leaf_of_long_key(PageStore& store, ReadContext& context, const TreeRoot& tree,
                                        std::string_view key);

// The value of `key`, replacing `value`; false (and `value` unchanged) if there is no such key.
Result<bool> get_value(PageStore& store, ReadContext& context, const TreeRoot& tree, std::string_view key,
                       std::string& value);

inline LeafView leaf_view(PageStore& store, const TreeRoot& tree, FrameId frame) {
  return LeafView({store.data(frame), tree.leaf_page_bytes});
}

}  // namespace revd::btree

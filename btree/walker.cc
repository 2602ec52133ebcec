#include "btree/walker.h"

#include <vector>

#include "btree/overflow.h"
#include "btree/overflow_format.h"

namespace revd::btree {

namespace {

// One page's bytes: read into an own buffer, or the frame of a dirty page.
class WalkedPage {
 public:
  Status open(PageStore& store, PageRequest& request) {
    request.pointer = store.resolve(request.pointer);
    if (request.pointer.is_dirty()) {
      bytes_ = store.page(store.lookup(request.pointer));
      return {};
    }
    if (!request.pointer.is_well_formed())
      return Error(ErrorCode::kDataLoss, "a page pointer makes no sense");
    buffer_.resize(request.pointer.raw_bytes());
    bytes_ = buffer_;
    return store.read_page(request, buffer_);
  }
  ByteSpan bytes() const { return bytes_; }

 private:
  std::vector<std::byte> buffer_;
  ByteSpan bytes_;
};

Status walk_object_page(PageStore& store, PageRequest request, PageVisitor& visitor) {
  WalkedPage page;
  TRY(page.open(store, request));
  TRY(visitor.visit(request, page.bytes()));
  if (request.level == 0) return {};
  const OverflowIndexView index(page.bytes());
  for (size_t i = 0; i < index.count(); ++i) {
    const uint64_t begin = index.child_begin(i);
    TRY(walk_object_page(
        store,
        {.tree = request.tree,
         .pointer = index.child(i),
         .level = static_cast<uint8_t>(request.level - 1),
         .covered_bytes = std::min(request.covered_bytes - begin, OverflowShape::child_span(request.level))},
        visitor));
  }
  return {};
}

Status walk_leaf_objects(PageStore& store, TreeId tree, const LeafView& leaf, PageVisitor& visitor) {
  for (size_t i = 0; i < leaf.count(); ++i) {
    if (const auto rest = leaf.key_rest(i))
      TRY(walk_object(store, tree, rest->root, rest_bytes(*rest), visitor));
    if (!leaf.value_overflows(i)) continue;
    const OverflowRef value = leaf.value_overflow(i);
    TRY(walk_object(store, tree, value.root, value.total_bytes, visitor));
  }
  return {};
}

Status walk_node(PageStore& store, PageRequest request, PageVisitor& visitor) {
  WalkedPage page;
  TRY(page.open(store, request));
  TRY(visitor.visit(request, page.bytes()));
  if (request.level == 0) return walk_leaf_objects(store, request.tree, LeafView(page.bytes()), visitor);
  const InnerView node(page.bytes());
  for (size_t i = 0; i < node.count(); ++i) {
    if (const auto rest = i > 0 ? node.key_rest(i) : std::nullopt)
      TRY(walk_object(store, request.tree, rest->root, rest_bytes(*rest), visitor));
    TRY(visitor.enter_child(request.tree, node, i));
    TRY(walk_node(
        store,
        {.tree = request.tree, .pointer = node.child(i), .level = static_cast<uint8_t>(request.level - 1)},
        visitor));
  }
  return {};
}

}  // namespace

Status walk_tree(PageStore& store, const TreeEntry& tree, PageVisitor& visitor) {
  if (tree.height == 0) return {};
  return walk_node(store,
                   {.tree = tree.id, .pointer = tree.root, .level = static_cast<uint8_t>(tree.height - 1)},
                   visitor);
}

Status walk_object(PageStore& store, TreeId tree, const PagePointer& root, uint64_t bytes,
                   PageVisitor& visitor) {
  const PageRequest request{
      .tree = tree, .pointer = root, .level = OverflowShape(bytes).levels, .covered_bytes = bytes};
  return walk_object_page(store, request, visitor);
}

}  // namespace revd::btree

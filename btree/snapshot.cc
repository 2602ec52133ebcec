#include "btree/snapshot.h"

#include "btree/cursor_state.h"
#include "btree/tree_read.h"

namespace revd::btree {

Snapshot::Snapshot(PageStore& store, Pin& pin) : store_(&store), pin_(&pin) {}

Snapshot::Snapshot(Snapshot&& other) noexcept
    : store_(other.store_), pin_(std::exchange(other.pin_, nullptr)), context_(other.context_) {}

Snapshot& Snapshot::operator=(Snapshot&& other) noexcept {
  if (this == &other) return *this;
  close();
  store_ = other.store_;
  pin_ = std::exchange(other.pin_, nullptr);
  context_ = other.context_;
  return *this;
}

Snapshot::~Snapshot() { close(); }

void Snapshot::close() {
  if (pin_ != nullptr) store_->unpin(*std::exchange(pin_, nullptr), Versions::Holder::kSnapshot);
}

uint64_t Snapshot::version() const { return pin_->version.number; }
const AppliedPosition& Snapshot::applied() const { return pin_->version.applied; }

Result<const TreeRoot*> Snapshot::open_tree(TreeId tree) const {
  if (pin_->expired) [[unlikely]]
    return Error(ErrorCode::kAborted, "snapshot expired");
  if (tree.value() < 1 || tree.value() > pin_->version.trees.size()) [[unlikely]]
    return Error(ErrorCode::kNotFound, "no such tree");
  return &pin_->version.trees[tree.value() - 1];
}

Result<uint64_t> Snapshot::count(TreeId tree) const {
  TRY_ASSIGN(const TreeRoot* const root, open_tree(tree));
  return root->key_count;
}

Result<std::optional<ValueRef>> Snapshot::get(TreeId tree, std::string_view key, ReadMode mode) {
  TRY_ASSIGN(const TreeRoot* const root, open_tree(tree));
  context_.mode = mode;
  TRY_ASSIGN(const LeafPlace place, find_leaf(*store_, context_, *root, key));
  if (!place.position.exact) return std::optional<ValueRef>();
  const LeafView leaf = leaf_view(*store_, *root, place.frame);
  if (!leaf.value_overflows(place.position.index)) [[likely]] {
    if (!store_->cache().pin_for_reader(place.frame))
      return Error(ErrorCode::kResourceExhausted, "too many requests: too many pages are held by readers");
    return std::optional<ValueRef>(std::in_place, PageRef(store_->cache(), place.frame),
                                   leaf.value(place.position.index));
  }
  const OverflowRef value = leaf.value_overflow(place.position.index);
  std::string bytes;
  TRY(read_object(*store_, context_, tree, value.root, value.total_bytes, bytes));
  return std::optional<ValueRef>(std::in_place, std::move(bytes));
}

Result<bool> Snapshot::get(TreeId tree, std::string_view key, std::string& value, ReadMode mode) {
  TRY_ASSIGN(const TreeRoot* const root, open_tree(tree));
  context_.mode = mode;
  return get_value(*store_, context_, *root, key, value);
}

Result<bool> Snapshot::contains(TreeId tree, std::string_view key, ReadMode mode) {
  TRY_ASSIGN(const TreeRoot* const root, open_tree(tree));
  context_.mode = mode;
  TRY_ASSIGN(const LeafPlace place, find_leaf(*store_, context_, *root, key));
  return place.position.exact;
}

Result<Cursor> Snapshot::cursor(TreeId tree, ReadMode mode) {
  TRY(open_tree(tree));
  return Cursor(std::make_unique<CursorState>(*store_, pin_, tree, ReadContext{.mode = mode}));
}

}  // namespace revd::btree

#include "btree/write_txn.h"

#include "base/check.h"
#include "btree/cursor_state.h"
#include "btree/tree_read.h"
#include "btree/tree_write.h"

namespace revd::btree {

struct WriteTxn::State {
  State(PageStore& page_store, const WriteOptions& options)
      : store(page_store),
        context{.mode = options.mode, .for_writing = true, .missing = {}},
        writer(store, context) {}

  Result<TreeRoot*> tree(TreeId id) {
    TreeRoot* const found = store.live_tree(id);
    if (found == nullptr) return Error(ErrorCode::kNotFound, "no such tree");
    return found;
  }

  PageStore& store;
  ReadContext context;
  TreeWriter writer;
};

WriteTxn::WriteTxn(PageStore& store, const WriteOptions& options)
    : state_(std::make_unique<State>(store, options)) {
  store.begin(options.preserve_published);
}

WriteTxn::~WriteTxn() {
  if (state_) state_->store.abandon();
}

WriteTxn::WriteTxn(WriteTxn&&) noexcept = default;

Status WriteTxn::put(TreeId tree, std::string_view key, std::string_view value) {
  TRY_ASSIGN(TreeRoot* const root, state_->tree(tree));
  return state_->writer.put(*root, key, value);
}

Result<bool> WriteTxn::erase(TreeId tree, std::string_view key) {
  TRY_ASSIGN(TreeRoot* const root, state_->tree(tree));
  return state_->writer.erase(*root, key);
}

Result<bool> WriteTxn::get(TreeId tree, std::string_view key, std::string& value) {
  TRY_ASSIGN(TreeRoot* const root, state_->tree(tree));
  return get_value(state_->store, state_->context, *root, key, value);
}

Result<bool> WriteTxn::contains(TreeId tree, std::string_view key) {
  TRY_ASSIGN(TreeRoot* const root, state_->tree(tree));
  TRY_ASSIGN(const LeafPlace place, find_leaf(state_->store, state_->context, *root, key));
  return place.position.exact;
}

Result<uint64_t> WriteTxn::count(TreeId tree) const {
  TRY_ASSIGN(TreeRoot* const root, state_->tree(tree));
  return root->key_count;
}

Result<Cursor> WriteTxn::cursor(TreeId tree) {
  TRY(state_->tree(tree));
  return Cursor(std::make_unique<CursorState>(state_->store, nullptr, tree, state_->context));
}

const PageRequest& WriteTxn::missing() const { return state_->context.missing; }

void WriteTxn::commit(const AppliedPosition& applied) {
  CHECK(state_ != nullptr);
  PageStore& store = state_->store;
  state_.reset();
  store.publish(applied);
}

}  // namespace revd::btree

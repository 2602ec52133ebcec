#include "btree/cursor.h"

#include "base/check.h"
#include "btree/cursor_state.h"
#include "btree/tree_read.h"

namespace revd::btree {

Cursor::Cursor(std::unique_ptr<CursorState> state) : state_(std::move(state)) {}
Cursor::~Cursor() = default;
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Status Cursor::seek_first() { return state_->seek_first(); }
Status Cursor::seek_last() { return state_->seek_last(); }
Status Cursor::seek(std::string_view key) { return state_->seek(key); }
Status Cursor::seek_before(std::string_view key) { return state_->seek_before(key); }
Status Cursor::next() { return state_->next(); }
Status Cursor::prev() { return state_->prev(); }
bool Cursor::valid() const { return state_->valid(); }
std::string_view Cursor::key() const { return state_->key(); }
Result<std::string_view> Cursor::value() { return state_->value(); }
uint64_t Cursor::value_bytes() const { return state_->value_bytes(); }
const PageRequest& Cursor::missing() const { return state_->missing(); }

CursorState::CursorState(PageStore& store, Pin* pin, TreeId tree, const ReadContext& context)
    : store_(store), pin_(pin), tree_id_(tree), context_(context) {
  if (pin_ != nullptr) store_.versions().pin_again(*pin_, Versions::Holder::kSnapshot);
}

CursorState::~CursorState() {
  leaf_.reset();
  if (pin_ != nullptr) store_.unpin(*pin_, Versions::Holder::kSnapshot);
}

const TreeRoot& CursorState::tree() const {
  return pin_ != nullptr ? pin_->version.trees[tree_id_.value() - 1] : *store_.live_tree(tree_id_);
}

uint64_t CursorState::epoch() const { return pin_ != nullptr ? store_.settled() : store_.changes(); }

Status CursorState::check_usable() const {
  if (pin_ != nullptr && pin_->expired) return Error(ErrorCode::kAborted, "snapshot expired");
  return {};
}

// A miss leaves everything as it was; anything else ends the cursor's standing somewhere.
Status CursorState::fail(Status status) {
  if (!status.ok() && status.error().code() != ErrorCode::kWouldBlock) {
    valid_ = false;
    leaf_.reset();
  }
  return status;
}

Status CursorState::descend_edge(PagePointer reference, uint8_t level, Edge edge) {
  std::array<Step, kMaxTreeHeight> steps = steps_;
  for (;; --level) {
    TRY_ASSIGN(PageRef page,
               store_.fetch_pinned(context_, {.tree = tree_id_, .pointer = reference, .level = level}));
    if (level == 0) {
      enter_leaf(std::move(page));
      steps_ = steps;
      return {};
    }
    const InnerView node(store_.page(page.frame()));
    const size_t child = edge == Edge::kFirst ? 0 : node.count() - 1;
    steps[level] = {.reference = reference, .child = child};
    reference = node.child(child);
  }
}

Result<Position> CursorState::descend_to(std::string_view key) {
  PagePointer reference = tree().root;
  std::array<Step, kMaxTreeHeight> steps;
  for (uint8_t level = static_cast<uint8_t>(tree().height - 1);; --level) {
    TRY_ASSIGN(PageRef page,
               store_.fetch_pinned(context_, {.tree = tree_id_, .pointer = reference, .level = level}));
    if (level == 0) {
      const LeafView node = leaf_view(store_, tree(), page.frame());
      Position place = node.find(key);
      if (place.tied()) {
        TRY_ASSIGN(place, settle_tie(store_, context_, tree_id_, node, key, place));
      }
      enter_leaf(std::move(page));
      steps_ = steps;
      epoch_ = epoch();
      return place;
    }
    const InnerView node(store_.page(page.frame()));
    TRY_ASSIGN(const size_t child, find_child(store_, context_, tree_id_, node, key));
    steps[level] = {.reference = reference, .child = child};
    reference = node.child(child);
  }
}

Result<bool> CursorState::next_leaf() {
  for (uint8_t level = 1; level < tree().height; ++level) {
    Step& step = steps_[level];
    TRY_ASSIGN(const FrameId frame,
               store_.fetch(context_, {.tree = tree_id_, .pointer = step.reference, .level = level}));
    const InnerView node(store_.page(frame));
    if (step.child + 1 == node.count()) continue;
    TRY(descend_edge(node.child(step.child + 1), static_cast<uint8_t>(level - 1), Edge::kFirst));
    ++step.child;
    return true;
  }
  return false;
}

Result<bool> CursorState::prev_leaf() {
  for (uint8_t level = 1; level < tree().height; ++level) {
    Step& step = steps_[level];
    if (step.child == 0) continue;
    TRY_ASSIGN(const FrameId frame,
               store_.fetch(context_, {.tree = tree_id_, .pointer = step.reference, .level = level}));
    TRY(descend_edge(InnerView(store_.page(frame)).child(step.child - 1), static_cast<uint8_t>(level - 1),
                     Edge::kLast));
    --step.child;
    return true;
  }
  return false;
}

Status CursorState::arrive() {
  key_known_ = false;
  if (node_.key_overflows(index_)) {
    ReadContext blocking{.mode = ReadMode::kBlocking, .for_writing = context_.for_writing, .missing = {}};
    TRY(read_key(store_, blocking, tree_id_, node_, index_, key_));
    key_known_ = true;
  }
  valid_ = true;
  if (pin_ == nullptr) key();  // the transaction may change the leaf before it is asked for
  return {};
}

void CursorState::enter_leaf(PageRef page) {
  node_ = leaf_view(store_, tree(), page.frame());
  count_ = node_.count();
  leaf_ = std::move(page);
}

Status CursorState::seek_first() {
  TRY(check_usable());
  if (tree().height == 0) {
    valid_ = false;
    return {};
  }
  TRY(fail(descend_edge(tree().root, static_cast<uint8_t>(tree().height - 1), Edge::kFirst)));
  epoch_ = epoch();
  index_ = 0;
  return fail(arrive());
}

Status CursorState::seek_last() {
  TRY(check_usable());
  if (tree().height == 0) {
    valid_ = false;
    return {};
  }
  TRY(fail(descend_edge(tree().root, static_cast<uint8_t>(tree().height - 1), Edge::kLast)));
  epoch_ = epoch();
  index_ = count_ - 1;
  return fail(arrive());
}

Status CursorState::seek(std::string_view key) { return fail(seek_place(key, false)); }
Status CursorState::seek_before(std::string_view key) { return fail(seek_place(key, true)); }

Status CursorState::seek_place(std::string_view key, bool before) {
  TRY(check_usable());
  if (tree().height == 0) {
    valid_ = false;
    return {};
  }
  TRY_ASSIGN(const Position place, descend_to(key));
  valid_ = false;  // until it stands somewhere in this leaf
  bool found = true;
  size_t index = place.index;
  if (before && index > 0) {
    --index;
  } else if (before) {
    TRY_ASSIGN(found, prev_leaf());
    if (found) index = count_ - 1;
  } else if (index == count_) {
    TRY_ASSIGN(found, next_leaf());
    index = 0;
  }
  if (!found) return {};
  index_ = index;
  return arrive();
}

// The trees changed under the cursor (or its references lost their meaning): from its key on.
Status CursorState::step_anew(bool forward) {
  const std::string from(key());
  // The smallest key above it, or the largest below.
  Status status = seek_place(forward ? from + '\0' : from, !forward);
  if (status.ok() || status.error().code() != ErrorCode::kWouldBlock) return status;
  key_ = from;
  key_known_ = true;
  valid_ = true;
  epoch_ = kNoEpoch;  // the repeated step descends anew as well
  return status;
}

Status CursorState::next() {
  CHECK(valid_);
  TRY(check_usable());
  if (epoch_ != epoch()) return fail(step_anew(true));
  if (index_ + 1 < count_) {
    ++index_;
    return fail(arrive());
  }
  auto moved = next_leaf();
  if (!moved.ok()) return fail(std::move(moved).error());
  valid_ = *moved;
  if (!*moved) return {};
  index_ = 0;
  return fail(arrive());
}

Status CursorState::prev() {
  CHECK(valid_);
  TRY(check_usable());
  if (epoch_ != epoch()) return fail(step_anew(false));
  if (index_ > 0) {
    --index_;
    return fail(arrive());
  }
  auto moved = prev_leaf();
  if (!moved.ok()) return fail(std::move(moved).error());
  valid_ = *moved;
  if (!*moved) return {};
  index_ = count_ - 1;
  return fail(arrive());
}

std::string_view CursorState::key() {
  CHECK(valid_);
  if (!key_known_) {
    key_.clear();
    node_.append_inline_key(index_, key_);
    key_known_ = true;
  }
  return key_;
}

Result<std::string_view> CursorState::value() {
  CHECK(valid_);
  TRY(check_usable());
  if (!node_.value_overflows(index_)) return node_.value(index_);
  const OverflowRef value = node_.value_overflow(index_);
  value_.clear();
  TRY(read_object(store_, context_, tree_id_, value.root, value.total_bytes, value_));
  return std::string_view(value_);
}

uint64_t CursorState::value_bytes() const {
  CHECK(valid_);
  return node_.value_bytes(index_);
}

}  // namespace revd::btree

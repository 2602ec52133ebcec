// CursorState: the moving part of a Cursor.
//
// It pins the leaf that it stands on and remembers, for each inner level, the node's reference and the child
// taken; inner nodes aren't pinned. References by dirty id lose their meaning when the store settles them,
// and a transaction's changes move everything: when the store's epoch isn't the remembered one, the cursor
// descends anew to the key that it stood on. Thread rule, errors: cursor.h.
#pragma once

#include <array>
#include <string>

#include "btree/node_view.h"
#include "btree/page_store.h"

namespace revd::btree {

class CursorState {
 public:
  // Over a pinned version (takes one more pin on it), or over the live trees if `pin` is null.
  CursorState(PageStore& store, Pin* pin, TreeId tree, const ReadContext& context);
  ~CursorState();
  CursorState(const CursorState&) = delete;
  CursorState& operator=(const CursorState&) = delete;

  Status seek_first();
  Status seek_last();
  Status seek(std::string_view key);
  Status seek_before(std::string_view key);
  Status next();
  Status prev();
  bool valid() const { return valid_; }
  std::string_view key();
  Result<std::string_view> value();
  uint64_t value_bytes() const;
  const PageRequest& missing() const { return context_.missing; }

 private:
  static constexpr uint64_t kNoEpoch = UINT64_MAX;
  struct Step {
    PagePointer reference;
    size_t child = 0;
  };
  enum class Edge : uint8_t { kFirst, kLast };

  const TreeRoot& tree() const;
  Status check_usable() const;
  uint64_t epoch() const;
  Status fail(Status status);
  // Descends from steps_[level] on, always along one edge; level counts down to the leaf.
  Status descend_edge(PagePointer reference, uint8_t level, Edge edge);
  Result<Position> descend_to(std::string_view key);
  Status seek_place(std::string_view key, bool before);
  // To the neighbouring leaf; false: there is none.
  Result<bool> next_leaf();
  Result<bool> prev_leaf();
  // Stands on slot `index_` of the leaf. Reads the rest of a long key, blocking, so that this can't miss
  // half-way.
  Status arrive();
  Status step_anew(bool forward);
  void enter_leaf(PageRef page);

  PageStore& store_;
  Pin* pin_;
  TreeId tree_id_;
  ReadContext context_;
  std::array<Step, kMaxTreeHeight> steps_;
  PageRef leaf_;
  LeafView node_{ByteSpan()};  // of leaf_
  size_t count_ = 0;
  size_t index_ = 0;
  uint64_t epoch_ = 0;
  bool valid_ = false;
  bool key_known_ = false;  // key_ is the key of the current slot
  std::string key_;
  std::string value_;
};

}  // namespace revd::btree

// Shared by tree_write.cc and tree_erase.cc.
#pragma once

#include "btree/tree_write.h"

namespace revd::btree {

// Gives the path's pins back when the operation ends.
class TreeWriter::PathGuard {
 public:
  PathGuard(TreeWriter& writer, const TreeRoot& tree) : writer_(writer), height_(tree.height) {}
  ~PathGuard() {
    for (size_t level = 0; level < std::max<size_t>(height_, 1); ++level) {
      writer_.steps_[level].page.reset();
      writer_.steps_[level].sibling.reset();
    }
    writer_.released_.clear();
  }
  PathGuard(const PathGuard&) = delete;
  PathGuard& operator=(const PathGuard&) = delete;

 private:
  TreeWriter& writer_;
  size_t height_;
};

// Two neighbours under one parent.
struct TreeWriter::Pair {
  Step* parent = nullptr;
  size_t right_index = 0;  // the right one's, among the parent's children
  PageRef* left = nullptr;
  PagePointer* left_reference = nullptr;
  PageRef* right = nullptr;
  PagePointer* right_reference = nullptr;
};

}  // namespace revd::btree

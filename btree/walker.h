// Walking all pages of a tree or of an overflow object, reading them from the disk past the cache.
//
// Every page on disk is read and verified anew; dirty ones are visited in their frames. Pages come parents
// first, left to right; a leaf's overflow objects after the leaf. Blocks. For the verifier and for rebuilding
// a damaged space map. Errors: the first page that can't be read, or the visitor's.
#pragma once

#include "btree/node_view.h"
#include "btree/page_store.h"

namespace revd::btree {

class PageVisitor {
 public:
  virtual ~PageVisitor() = default;
  // request.pointer is on disk, or dirty for a page that was never written. The bytes are good for the call
  // only.
  virtual Status visit(const PageRequest& request, ByteSpan page) = 0;
  // Before child i of an inner node is walked.
  virtual Status enter_child(TreeId tree, const InnerView& node, size_t i) = 0;
};

Status walk_tree(PageStore& store, const TreeEntry& tree, PageVisitor& visitor);
// An object of `bytes` bytes; tree 0 is the space map.
Status walk_object(PageStore& store, TreeId tree, const PagePointer& root, uint64_t bytes,
                   PageVisitor& visitor);

}  // namespace revd::btree

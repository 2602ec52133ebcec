// The verifier: proves that a page file is what it says, from the superblock down to each block.
//
// Checks of each tree: every page's checksum and structure, levels, the order of all keys, separators
// against the keys on both sides, the key count, no empty page but an empty tree's. Of the file: every
// sector in use is reached exactly once (from the live trees, the space map's own pages, or the list of
// retired extents), and every other is free; what the predecessor superblock refers to is intact and not
// free. Errors: kDataLoss, naming the first finding. Units in the names.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "btree/page_pointer.h"

namespace revd::btree {

struct VerifyOptions {
  bool walk_predecessor = true;
  // A finding if less than this many percent of a tree's bytes in leaves, or in inner nodes below the root,
  // are used (trees of eight pages of that kind and more); 0: no bound.
  unsigned min_fill_percent = 0;
};

struct TreeReport {
  TreeId tree;
  uint64_t keys = 0;
  uint64_t leaf_pages = 0;
  uint64_t inner_pages = 0;
  uint64_t overflow_pages = 0;
  unsigned leaf_fill_percent = 0;   // used bytes of all leaves
  unsigned inner_fill_percent = 0;  // of all inner nodes but the root
};

struct VerifyReport {
  std::vector<TreeReport> trees;  // of the last published version
  uint64_t live_sectors = 0;      // on disk and reached from it
  uint64_t retired_sectors = 0;
  uint64_t predecessor_pages = 0;  // walked in the predecessor's trees
};

class PageStore;
Result<VerifyReport> verify_page_file(PageStore& store, const VerifyOptions& options);

}  // namespace revd::btree

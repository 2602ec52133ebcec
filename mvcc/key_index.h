// KeyIndex: the tree K, key -> its newest change.
//
// A tree in the page store like any other, cached and evictable; nothing per key is kept in memory. The
// entry of a deleted key stays until compaction has dropped its tombstone: scans of the present skip it.
// Thread rule: the reactor thread. Borrows nothing. Errors: the trees' (trees.h); kDataLoss for an entry
// that doesn't decode. Format: mvcc/README.md, "K".
#pragma once

#include <string>
#include <string_view>

#include "mvcc/records.h"
#include "mvcc/trees.h"

namespace revd {

class KeyIndex {
 public:
  explicit KeyIndex(TreeId tree) : tree_(tree) {}

  // False: the index doesn't have the key; `entry` is undefined then. A found entry may be a tombstone.
  Result<bool> find(ReadView view, std::string_view key, KeyEntry& entry, bool with_spine = true);
  Status put(WriteTxn& txn, std::string_view key, const KeyEntry& entry);
  Result<bool> erase(WriteTxn& txn, std::string_view key) { return txn.erase(tree_, key); }
  TreeId tree() const { return tree_; }

 private:
  TreeId tree_;
  std::string scratch_;
};

}  // namespace revd

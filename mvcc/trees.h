// The named trees of a store, and how apply and reads look at them.
//
// Plain values. A ReadView borrows the transaction or snapshot that it was made from and gives both the
// same face, so that one piece of code reads for commands (which see their own writes) and for clients.
// Errors are the trees': kWouldBlock (load missing(), repeat), kDataLoss, kIo, kAborted.
#pragma once

#include <string>
#include <string_view>

#include "engine/types.h"

namespace revd {

struct StoreTrees {
  TreeId revisions;  // R: every change, by revision
  TreeId key_index;  // K: each key's newest change
  TreeId leases;     // L
  TreeId sessions;   // S
  TreeId alarms;     // A
  TreeId meta;       // M
};

class ReadView {
 public:
  explicit ReadView(WriteTxn& txn) : txn_(&txn) {}
  ReadView(Snapshot& snapshot, ReadMode mode) : snapshot_(&snapshot), mode_(mode) {}

  // False: no such key; `value` is unchanged.
  Result<bool> get(TreeId tree, std::string_view key, std::string& value) {
    return txn_ != nullptr ? txn_->get(tree, key, value) : snapshot_->get(tree, key, value, mode_);
  }
  Result<Cursor> cursor(TreeId tree) {
    return txn_ != nullptr ? txn_->cursor(tree) : snapshot_->cursor(tree, mode_);
  }
  // After get() answered kWouldBlock; a cursor has its own.
  const PageRequest& missing() const { return txn_ != nullptr ? txn_->missing() : snapshot_->missing(); }

 private:
  WriteTxn* txn_ = nullptr;
  Snapshot* snapshot_ = nullptr;
  ReadMode mode_ = ReadMode::kBlocking;
};

}  // namespace revd

// Cursor: a place in one tree, moving both ways.
//
// Thread rule: the reactor thread. Ownership: a cursor of a Snapshot keeps the snapshot's version alive
// by itself (the Snapshot may be closed first); a cursor of a WriteTxn must be destroyed before its
// commit(). It pins the leaf that it stands on. Movable, not copyable.
//
// While valid(), key() is the entry's key. Every moving call ends at an entry, or not valid() when there
// is none on that side. After kWouldBlock (ReadMode::kNonBlocking) the cursor keeps its place: load
// missing() through PageFile::load and repeat the same call. (Keys longer than 1 KiB may block in both
// modes.) After any other error it isn't valid(). A cursor of a WriteTxn sees the transaction's own changes;
// a put or erase under it is legal: the next step goes to what then follows (precedes) the key that it stood
// on; key() and value() need a step or seek first. Errors: kWouldBlock; kDataLoss (a damaged page; what
// doesn't need it stays readable); kAborted
// ("snapshot expired"); kResourceExhausted (no frame free for a reader).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "btree/read_mode.h"

namespace revd::btree {

class CursorState;

class Cursor {
 public:
  explicit Cursor(std::unique_ptr<CursorState> state);
  ~Cursor();
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;

  Status seek_first();
  Status seek_last();
  // The first entry with key >= `key`.
  Status seek(std::string_view key);
  // The last entry with key < `key`.
  Status seek_before(std::string_view key);
  // Require valid().
  Status next();
  Status prev();

  bool valid() const;
  // Requires valid(). The view is good until the next call that moves the cursor (or, of a WriteTxn, changes
  // the tree).
  std::string_view key() const;
  // Requires valid(). The view is good as key()'s is. Reads overflow pages of a long value: may fail like a
  // step.
  Result<std::string_view> value();
  // Requires valid(). Length of the value, without reading a long one.
  uint64_t value_bytes() const;

  // What to load after kWouldBlock.
  const PageRequest& missing() const;

 private:
  std::unique_ptr<CursorState> state_;
};

}  // namespace revd::btree

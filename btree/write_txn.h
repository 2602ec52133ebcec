// WriteTxn: changes to any number of trees that become visible at once.
//
// Thread rule: the reactor thread; one transaction is open at a time. There is no abort: whoever opens one
// checks everything beforehand and commits. Destroying a transaction that has changed something without
// committing it makes the page file fail (PageFile::failed). Nothing here makes anything durable: a
// checkpoint does, and until then the log must be able to repeat it.
//
// Begun with preserve_published, the transaction leaves the last published version as it is, so that
// snapshots may be opened, and a checkpoint may begin, while it is open (a long command applied in
// slices). Without it both are CHECK failures, and pages are changed in place more often (faster).
//
// Modes. kNonBlocking: a call that would have to wait for the disk changes nothing and answers
// kWouldBlock; load missing() and repeat it. (Keys longer than 1 KiB are the exception: reading their
// rests may block.) When the cache is full of changed pages, writing some of them out early blocks in both
// modes. Errors: kWouldBlock; kInvalidArgument (empty key, key or value of more than kMaxObjectBytes; nothing
// changed); kNotFound (unknown tree); kDataLoss or kIo: a page that the change needs can't be read, or
// writing pages out failed. After the last two the page file has failed (PageFile::failed) if anything had
// changed already; nothing may be committed then.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "btree/cursor.h"
#include "btree/read_mode.h"
#include "btree/superblock.h"

namespace revd::btree {

class PageStore;

inline constexpr size_t kMaxObjectBytes = size_t{1} << 30;  // of a key, and of a value

struct WriteOptions {
  bool preserve_published = false;
  ReadMode mode = ReadMode::kBlocking;
};

class WriteTxn {
 public:
  WriteTxn(PageStore& store, const WriteOptions& options);  // PageFile::begin_write()
  ~WriteTxn();
  WriteTxn(WriteTxn&&) noexcept;
  WriteTxn& operator=(WriteTxn&&) = delete;

  // Inserts or replaces. Keys have at least one byte. Putting in ascending order beyond the tree's last key
  // takes a fast path and fills pages completely.
  Status put(TreeId tree, std::string_view key, std::string_view value);
  // False: there was no such key, nothing changed.
  Result<bool> erase(TreeId tree, std::string_view key);
  // Sees the transaction's own changes. False: no such key, `value` is unchanged.
  Result<bool> get(TreeId tree, std::string_view key, std::string& value);
  Result<bool> contains(TreeId tree, std::string_view key);
  Result<uint64_t> count(TreeId tree) const;
  // Sees the transaction's own changes; destroy it before commit().
  Result<Cursor> cursor(TreeId tree);
  const PageRequest& missing() const;

  // Publishes everything at once, together with how far the log is contained in it. Ends the transaction.
  void commit(const AppliedPosition& applied);

 private:
  struct State;
  std::unique_ptr<State> state_;  // null once committed or moved from
};

}  // namespace revd::btree

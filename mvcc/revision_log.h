// RevisionLog: the tree R, every change that hasn't been compacted, by revision.
//
// Thread rule: the reactor thread. Borrows nothing. Errors: the trees' (trees.h); kDataLoss for a record
// that doesn't decode, or that should be there and isn't. Format: mvcc/README.md, "R".
#pragma once

#include <string>

#include "mvcc/records.h"
#include "mvcc/trees.h"

namespace revd {

// Bytes of one record with the record that borrows from them; reused from read to read.
class RecordBuffer {
 public:
  RecordBuffer() = default;
  RecordBuffer(const RecordBuffer&) = delete;
  RecordBuffer& operator=(const RecordBuffer&) = delete;

  const Revision& at() const { return at_; }
  const Record& record() const { return record_; }
  // As of a put, with everything; of a tombstone key and mod revision.
  KeyValue key_value() const;

 private:
  friend class RevisionLog;
  Revision at_{-1, 0};
  bool complete_ = false;  // key and value are there
  std::string head_;
  std::string rest_;
  Record record_;
};

// A key's state at some revision.
struct KeyState {
  Revision at;  // the change that made it
  int64_t create = 0;
  int64_t version = 0;
  LeaseId lease{};
};

class RevisionLog {
 public:
  explicit RevisionLog(TreeId tree) : tree_(tree) {}

  // Of a put or a tombstone; sets record.has_rest.
  Status append(WriteTxn& txn, const Revision& at, Record& record);
  Status erase(WriteTxn& txn, const Revision& at, bool has_rest);

  // The record without key and value if these are in a rest. False: it isn't there.
  Result<bool> load_head(ReadView view, const Revision& at, RecordBuffer& buffer);
  // The whole record; not being there is kDataLoss.
  Status load(ReadView view, const Revision& at, RecordBuffer& buffer);

  // The state of a key, whose newest change is `newest` (with its spine), as of `revision`. False: the key
  // wasn't there. `floor` is the compacted revision: links below it may end in nothing.
  Result<bool> find_at(ReadView view, const KeyEntry& newest, int64_t revision, int64_t floor,
                       KeyState& state, RecordBuffer& buffer);

  // The newest revision in the tree; {kFirstRevision, 0} if it is empty.
  Result<Revision> last(ReadView view);
  TreeId tree() const { return tree_; }

 private:
  TreeId tree_;
  std::string head_;
  std::string rest_;
};

}  // namespace revd

#include "mvcc/revision_log.h"

#include "base/strings.h"

namespace revd {
namespace {

Error missing_record(const Revision& at) {
  return Error(ErrorCode::kDataLoss,
               str_cat("revision ", at.main, ".", at.sub, " is missing from the revision tree"));
}

}  // namespace

KeyValue RecordBuffer::key_value() const {
  KeyValue kv;
  kv.key = record_.key;
  kv.mod_revision = at_.main;
  if (record_.tombstone) return kv;
  kv.create_revision = record_.create;
  kv.version = record_.version;
  kv.value = record_.value;
  kv.lease = record_.lease;
  return kv;
}

Status RevisionLog::append(WriteTxn& txn, const Revision& at, Record& record) {
  record.has_rest = needs_rest(record.key, record.value);
  head_.clear();
  encode_record(at.main, record, head_, rest_);
  TRY(txn.put(tree_, RevisionKey(at).view(), head_));
  if (!record.has_rest) return {};
  return txn.put(tree_, RevisionKey(at, true).view(), rest_);
}

Status RevisionLog::erase(WriteTxn& txn, const Revision& at, bool has_rest) {
  // The rest first: repeated after kWouldBlock, this must come past a head that is still there.
  if (has_rest) TRY(txn.erase(tree_, RevisionKey(at, true).view()));
  TRY(txn.erase(tree_, RevisionKey(at).view()));
  return {};
}

Result<bool> RevisionLog::load_head(ReadView view, const Revision& at, RecordBuffer& buffer) {
  buffer.at_.main = -1;
  TRY_ASSIGN(const bool found, view.get(tree_, RevisionKey(at).view(), buffer.head_));
  if (!found) return false;
  TRY_ASSIGN(buffer.record_, decode_record(at.main, buffer.head_));
  buffer.complete_ = !buffer.record_.has_rest;
  buffer.at_ = at;
  return true;
}

Status RevisionLog::load(ReadView view, const Revision& at, RecordBuffer& buffer) {
  if (buffer.at_ != at) {
    TRY_ASSIGN(const bool found, load_head(view, at, buffer));
    if (!found) return missing_record(at);
  }
  if (buffer.complete_) return {};
  TRY_ASSIGN(const bool found, view.get(tree_, RevisionKey(at, true).view(), buffer.rest_));
  if (!found) return missing_record(at);
  TRY(decode_rest(buffer.rest_, buffer.record_));
  buffer.complete_ = true;
  return {};
}

Result<bool> RevisionLog::find_at(ReadView view, const KeyEntry& newest, int64_t revision, int64_t floor,
                                  KeyState& state, RecordBuffer& buffer) {
  if (newest.at.main <= revision) {
    state = {newest.at, newest.create, newest.version, newest.lease};
    return !newest.tombstone;
  }
  // The spine is in the index, so its part of the way costs no read.
  Revision at = newest.at;
  for (size_t i = 0; i < newest.spine.size() && newest.spine[i].main > revision; ++i) at = newest.spine[i];
  for (;;) {
    TRY_ASSIGN(const bool found, load_head(view, at, buffer));
    // A tombstone below the floor, or what it ended, may have been dropped.
    if (!found && at.main < floor) return false;
    if (!found) return missing_record(at);
    const Record& record = buffer.record();
    if (at.main <= revision) {
      state = {at, record.create, record.version, record.lease};
      return !record.tombstone;
    }
    if (!record.has_prev) return false;
    at = record.jump.main > revision ? record.jump : record.prev;
  }
}

Result<Revision> RevisionLog::last(ReadView view) {
  TRY_ASSIGN(Cursor cursor, view.cursor(tree_));
  TRY(cursor.seek_last());
  if (!cursor.valid()) return Revision{kFirstRevision, 0};
  TRY_ASSIGN(const ParsedRevisionKey key, parse_revision_key(cursor.key()));
  return key.at;
}

}  // namespace revd

// ChangeWriter: the changes of one command, in the order of their subs.
//
// Every call can be repeated after kWouldBlock: it writes the same bytes to the same places, and counts
// only when all of it has happened. Thread rule: the reactor thread. Borrows StoreCore, whose writer() must
// be open. Errors: the trees' (trees.h) alone; what a command may not do was checked before.
#pragma once

#include <optional>
#include <string_view>

#include "mvcc/command/requests.h"
#include "mvcc/command/responses.h"
#include "mvcc/store_core.h"

namespace revd {

class ChangeWriter {
 public:
  // `time`: log time of the command's entry.
  ChangeWriter(StoreCore& core, LogTime time) : core_(core), time_(time) {}

  // A put whose lease exists; one with ignore_... whose key exists.
  Status put(const PutView& put, PutResponse& response);
  // False: there was no such key. `prev` (if not null) gets its state before.
  Result<bool> erase(std::string_view key, std::optional<KeyValue>* prev);
  Status grant(LeaseId id, int64_t ttl_ms);

  // Ends a revision if anything was changed in it.
  void end_revision();
  ReadView view() const { return ReadView(*core_.txn); }
  StoreCore& core() { return core_; }
  LogTime time() const { return time_; }

 private:
  Revision next_revision() const { return {core_.working.revision + 1, sub_}; }
  Status write(std::string_view key, bool found, const PutView* put, LeaseId lease, std::string_view value);
  Status move_lease(std::string_view key, LeaseId from, LeaseId to);
  void tell(const Revision& at, std::string_view key, std::string_view value);

  StoreCore& core_;
  LogTime time_;
  int64_t sub_ = 0;  // of the next change
  KeyEntry entry_;   // of the key at hand: as found, then as written
  RecordBuffer record_;
};

}  // namespace revd

// ApplyTask: one log entry becoming part of the state.
//
// The meaning of an entry is a function of the entry and of the trees; nothing else is read. Small commands
// are done in one step, which blocks on the rare page that isn't in memory. Large ones (with ranges of keys,
// or revoking leases) run in slices: they leave the published version alone until they end, so that
// readers and checkpoints go on.
// Thread rule: the reactor thread. Borrows StoreCore and the entry's payload. Errors: kUnimplemented (a
// command version that this build doesn't know), kDataLoss, kIo: the node must stop, it never skips.
#pragma once

#include <memory>
#include <optional>

#include "mvcc/change_writer.h"
#include "mvcc/step.h"
#include "mvcc/txn_apply.h"

namespace revd {

enum class ApplyMode : uint8_t {
  kWhole,   // in one step, whatever it takes: replay, tests
  kSliced,  // large commands in slices
};

struct ApplyOutcome {
  CommandResult result;  // monostate: the entry wasn't a command
  // The command answers only when physical compaction has passed this revision.
  std::optional<int64_t> physical_revision;
};

class ApplyTask {
 public:
  ApplyTask(StoreCore& core, const LogEntry& entry, ApplyMode mode);

  // kDone: outcome() is there, to be told after the next publish(). Other entries wait until then.
  Result<Step> step(StepBudget& budget);
  const PageRequest& missing() const { return missing_; }
  ApplyOutcome& outcome() { return outcome_; }

 private:
  enum class Phase : uint8_t { kDecode, kSession, kBody, kAnswer, kDone };

  Result<Step> run(StepBudget& budget);
  Status decode();
  Status check_session();
  Result<Step> run_body(StepBudget& budget);
  Status keep_answer();
  void finish();

  Status apply_put();
  Result<Step> apply_txn(StepBudget& budget);
  void answer_delete_range();
  Status apply_compact();
  Status apply_grant();
  Result<Step> apply_revoke(StepBudget& budget);
  Status apply_keep_alive();
  Result<Step> apply_expire(StepBudget& budget);
  // False: keys are left.
  Result<bool> revoke_lease(LeaseId id, const Lease& lease, StepBudget& budget);
  Status apply_session_open();
  Status apply_session_close(SessionId id);
  Status apply_session_keep_alive();
  Status apply_session_expire();
  Status apply_alarm();

  template <typename T>
  Status decode_body(T& body);
  template <typename T>
  T& body() {
    return std::get<T>(body_);
  }
  void refuse(const Error& error) { outcome_.result.one_of = ErrorAnswer::from(error); }
  bool refused() const { return std::holds_alternative<ErrorAnswer>(outcome_.result.one_of); }
  WriteTxn& txn() { return core_.writer(large_); }
  ReadView view() { return ReadView(txn()); }

  StoreCore& core_;
  LogEntry entry_;
  ApplyMode mode_;
  ChangeWriter writer_;
  Phase phase_ = Phase::kDecode;
  bool large_ = false;
  CommandParts parts_;
  PutView put_;
  CommandBody body_;
  std::optional<TxnApply> txn_apply_;
  std::optional<DeleteRangeResponse> deleted_;  // of a delete range outside a transaction
  std::optional<Session> session_;
  bool answered_before_ = false;
  size_t at_ = 0;  // of the lease that expires
  ApplyOutcome outcome_;
  PageRequest missing_;
};

// Whether a command changes or looks at ranges of keys, so that it can take long.
bool has_ranges(const TxnRequest& txn);
// Whether a transaction has a put in any branch.
bool has_puts(const TxnRequest& txn);

}  // namespace revd

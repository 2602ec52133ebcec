// TxnApply: one transaction, cut into steps (mvcc rules 4 to 7).
//
// First all compares, of nested transactions too, on the state before; then, over the branches taken,
// everything that could be refused; only then the first change. So nothing is ever undone.
// Thread rule: the reactor thread. Borrows the writer, the request and the response, which outlive it.
// Errors: the trees' (trees.h); kWouldBlock: load missing(), call step() again. A transaction that is
// refused ends with kDone and refused().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mvcc/change_writer.h"
#include "mvcc/range_scan.h"

namespace revd {

class TxnApply {
 public:
  TxnApply(ChangeWriter& writer, const TxnRequest& txn, TxnResponse& response);

  Result<Step> step(StepBudget& budget);
  const std::optional<Error>& refused() const { return refused_; }
  const PageRequest& missing() const { return missing_; }

 private:
  enum class Phase : uint8_t { kCompare, kCheckPuts, kCheckRanges, kExecute, kDone };
  // A transaction whose compares are still to be looked at.
  struct Pending {
    const TxnRequest* txn;
    TxnResponse* response;
  };
  // An operation of a branch taken, in the order of execution.
  struct Planned {
    const RequestOp* operation;
    ResponseOp* response;
  };

  Result<Step> compare(StepBudget& budget);
  Result<std::optional<Step>> compare_one(const Compare& compare, StepBudget& budget);
  Result<bool> compare_key(const Compare& compare, const KeyEntry& entry);
  void take_branch();
  void plan(const TxnRequest& txn, TxnResponse& response);
  Status check_put(const PutRequest& put);
  Status check_range(const RangeRequest& range);
  void check_deleted_keys();
  Result<Step> execute(StepBudget& budget);
  Result<Step> run_put(const PutRequest& put, ResponseOp& response);
  Result<Step> run_range(const RangeRequest& range, ResponseOp& response, StepBudget& budget);
  Result<Step> run_erase(const DeleteRangeRequest& erase, ResponseOp& response, StepBudget& budget);
  Result<bool> next_live_key(const KeyRange& range, StepBudget& budget, bool& yielded);
  ReadView view() { return writer_.view(); }

  ChangeWriter& writer_;
  StoreCore& core_;
  const TxnRequest& root_;
  TxnResponse& root_response_;
  Phase phase_ = Phase::kCompare;
  std::vector<Pending> pending_;  // a stack
  std::vector<Planned> plan_;
  size_t at_ = 0;         // of compares, checks or operations
  bool holds_ = true;     // the compares so far, of the transaction on the stack's top
  bool matched_ = false;  // the compare's range had a key
  bool started_ = false;  // position_ is set
  std::string position_;  // in the range of the compare or delete at hand
  std::optional<RangeScan> scan_;
  std::vector<LeaseId> granted_;  // by puts that bring their own lease
  std::optional<Error> refused_;
  KeyEntry entry_;
  RecordBuffer record_;
  PageRequest missing_;
};

// A put as apply sees it.
PutView view_of(const PutRequest& put);

}  // namespace revd

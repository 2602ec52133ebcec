#include "mvcc/compaction.h"

#include <algorithm>

namespace revd {

// The highest revision up to which everything needless may go.
int64_t PhysicalCompaction::reachable() const {
  return core_.holds.lowest(core_.published.floor, core_.env.clock.now());
}

bool PhysicalCompaction::pending() const {
  const CompactionProgress& progress = core_.compaction;
  return progress.target > progress.done ||
         (progress.done < core_.published.floor && progress.done < reachable());
}

Result<Step> PhysicalCompaction::step(StepBudget& budget) {
  CompactionProgress& progress = core_.compaction;
  Result<Step> step = Step::kYield;
  if (!ending_) {
    CHECK(!core_.has_writer());
    if (!pending()) return Step::kDone;
    if (progress.target <= progress.done) {
      progress.target = reachable();
      progress.next = {std::max<int64_t>(progress.done, 0), 0};
    }
    step = sweep(core_.writer(true), budget);
    if (!step.ok() && would_block(step.error())) step = Step::kBlocked;
    if (!step.ok()) return step;
    if (*step == Step::kDone) progress.done = progress.target;
  }
  // What was swept, and how far, are published together.
  if (const Status ended = end_step(); !ended.ok()) {
    ending_ = would_block(ended.error());
    if (!ending_) return ended.error();
    missing_ = core_.writer(true).missing();
    return Step::kBlocked;
  }
  ending_ = false;
  return step;
}

Status PhysicalCompaction::end_step() {
  if (core_.compaction != written_) {
    TRY(core_.meta.put_compaction(core_.writer(true), core_.compaction));
    written_ = core_.compaction;
  }
  return core_.publish();
}

// Moves progress.next along, from record to record. kDone: the target is reached.
Result<Step> PhysicalCompaction::sweep(WriteTxn& txn, StepBudget& budget) {
  CompactionProgress& progress = core_.compaction;
  TRY_ASSIGN(Cursor cursor, txn.cursor(core_.trees.revisions));
  Status moved = cursor.seek(RevisionKey(progress.next).view());
  while (moved.ok() && cursor.valid()) {
    TRY_ASSIGN(const ParsedRevisionKey key, parse_revision_key(cursor.key()));
    if (key.at.main > progress.target) break;
    progress.next = key.at;
    if (budget.spent()) return Step::kYield;
    if (!key.rest) {
      Result<std::string_view> head = cursor.value();
      if (!head.ok()) {
        moved = std::move(head).error();
        break;
      }
      Status swept = sweep_record(txn, key.at, *head);
      if (!swept.ok()) return std::move(swept).error();
    }
    moved = cursor.next();
  }
  missing_ = cursor.missing();
  TRY(std::move(moved));
  return Step::kDone;
}

Status PhysicalCompaction::sweep_record(WriteTxn& txn, const Revision& at, std::string_view head) {
  const int64_t floor = core_.compaction.target;
  TRY_ASSIGN(const Record record, decode_record(at.main, head));
  // All records of the floor's own revision stay: a transaction can change a key twice.
  const bool drops_prev = record.has_prev && record.prev.main != floor;
  const Revision prev = record.prev;
  const bool prev_has_rest = record.prev_has_rest;
  const bool drops_itself = record.tombstone && at.main < floor;
  const bool has_rest = record.has_rest;
  if (drops_itself) {
    // `head` may move under the changes below, so this comes first.
    const Status loaded = core_.revisions.load(ReadView(txn), at, record_);
    missing_ = txn.missing();
    TRY(loaded);
  }
  Status erased;
  if (drops_prev) erased = core_.revisions.erase(txn, prev, prev_has_rest);
  if (erased.ok() && drops_itself) {
    const std::string_view key = record_.record().key;
    const Result<bool> found = core_.keys.find(ReadView(txn), key, entry_, false);
    erased = found.ok() ? Status() : Status(found.error());
    if (found.ok() && *found && entry_.at == at) {
      const Result<bool> gone = core_.keys.erase(txn, key);
      erased = gone.ok() ? Status() : Status(gone.error());
      if (gone.ok() && *gone) --core_.working.tombstones;
    }
    if (erased.ok()) erased = core_.revisions.erase(txn, at, has_rest);
  }
  missing_ = txn.missing();
  return erased;
}

}  // namespace revd

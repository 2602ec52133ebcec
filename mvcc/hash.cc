#include "mvcc/hash.h"

#include "mvcc/command/errors.h"
#include "mvcc/store.h"

namespace revd {

HashTask::HashTask(MvccStore& store, int64_t revision, ReadMode mode)
    : core_(store.core()), mode_(mode), wanted_(revision) {}

HashTask::~HashTask() {
  if (hold_) core_.holds.remove(*hold_);
}

Result<Step> HashTask::step(StepBudget& budget) {
  if (!started_) {
    started_ = true;
    result_.revision = wanted_ > 0 ? wanted_ : core_.published.revision;
    result_.compact_revision = core_.published.floor;
    if (result_.revision > core_.published.revision) return api_error(ApiError::kFutureRevision);
    hold_ = core_.holds.add(result_.compact_revision, core_.env.clock.now());
  }
  // It covers everything from that compacted revision on, so a newer one ends it.
  if (result_.revision < core_.published.floor || result_.compact_revision != core_.published.floor)
    return compacted_error(core_.published.floor);
  auto step = run(budget);
  if (!step.ok() && would_block(step.error())) return Step::kBlocked;
  return step;
}

Result<Step> HashTask::run(StepBudget& budget) {
  Snapshot snapshot = core_.backend.snapshot();
  const ReadView view(snapshot, mode_);
  TRY_ASSIGN(Cursor cursor, ReadView(view).cursor(core_.keys.tree()));
  Status moved = cursor.seek(position_.empty() ? std::string_view("\0", 1) : std::string_view(position_));
  while (moved.ok() && cursor.valid()) {
    // A key that was left in the middle is gone on with only if it is still there.
    if (cursor.key() != position_) of_key_.reset();
    position_ = cursor.key();
    if (budget.spent()) return Step::kYield;
    TRY_ASSIGN(const bool done, hash_key(view, budget));
    if (!done) return Step::kYield;
    moved = cursor.next();
  }
  missing_ = cursor.missing();
  TRY(std::move(moved));
  result_.hash = all_.digest();
  return Step::kDone;
}

// False: the budget is spent.
Result<bool> HashTask::hash_key(ReadView view, StepBudget& budget) {
  if (!of_key_) {
    const Result<bool> found = core_.keys.find(view, position_, entry_);
    missing_ = view.missing();
    if (!found.ok()) return found.error();
    of_key_.emplace();
    of_key_->update(as_bytes(position_));
    any_ = seen_at_floor_ = false;
    at_ = entry_.at;
    for (size_t i = 0; i < entry_.spine.size() && entry_.spine[i].main > result_.revision; ++i)
      at_ = entry_.spine[i];
  }
  const int64_t floor = result_.compact_revision;
  for (;;) {
    if (budget.spent()) return false;
    const Result<bool> found = core_.revisions.load_head(view, at_, record_);
    missing_ = view.missing();
    if (!found.ok()) return found.error();
    if (!*found && at_.main < floor) break;
    const Status loaded = core_.revisions.load(view, at_, record_);
    missing_ = view.missing();
    TRY(loaded);
    const Record& record = record_.record();
    const bool below = at_.main < floor;
    const bool seen = at_.main <= result_.revision && (!below || (!seen_at_floor_ && !record.tombstone));
    if (seen) include(record, at_);
    seen_at_floor_ = seen_at_floor_ || at_.main == floor;
    if (below || !record.has_prev) break;
    at_ = record.prev;
  }
  if (any_) {
    const uint64_t digest = of_key_->digest();
    std::byte raw[8];
    store_le(raw, digest);
    all_.update(raw);
  }
  of_key_.reset();
  return true;
}

void HashTask::include(const Record& record, const Revision& at) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.i64(at.main);
  writer.i64(at.sub);
  writer.u8(record.tombstone ? 1 : 0);
  writer.i64(record.create);
  writer.i64(record.version);
  writer.i64(record.lease.value());
  writer.u64(record.value.size());
  of_key_->update(as_bytes(bytes));
  of_key_->update(as_bytes(record.value));
  any_ = true;
}

Result<uint64_t> hash_tables(MvccStore& store) {
  StoreCore& core = store.core();
  Snapshot snapshot = core.backend.snapshot();
  StreamingHash hash;
  std::string head;
  ByteWriter writer(head);
  writer.i64(core.published.revision);
  writer.i64(core.published.floor);
  writer.i64(core.published.applied.log_time.value());
  hash.update(as_bytes(head));
  for (const TreeId tree : {core.trees.leases, core.trees.sessions, core.trees.alarms}) {
    TRY_ASSIGN(Cursor cursor, snapshot.cursor(tree));
    TRY(cursor.seek_first());
    while (cursor.valid()) {
      TRY_ASSIGN(const std::string_view value, cursor.value());
      std::string entry;
      ByteWriter sized(entry);
      sized.length_prefixed(cursor.key());
      sized.length_prefixed(value);
      hash.update(as_bytes(entry));
      TRY(cursor.next());
    }
  }
  return hash.digest();
}

}  // namespace revd

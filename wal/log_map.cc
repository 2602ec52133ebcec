#include "wal/log_map.h"

#include <algorithm>

namespace revd::wal {

std::optional<Term> TermTable::term_at(LogIndex index) const {
  if (index < base_.index || index > last_.index) return std::nullopt;
  if (index == base_.index) return base_.term;
  const auto after = std::ranges::upper_bound(runs_, index, {}, &Run::first);
  CHECK(after != runs_.begin());
  return std::prev(after)->term;
}

void TermTable::append(Term term) {
  CHECK(term >= last_.term);
  last_ = {.index = last_.index.next(), .term = term};
  if (runs_.empty() || runs_.back().term != term) runs_.push_back({.first = last_.index, .term = term});
}

void TermTable::cut(LogPosition position) {
  if (position.index <= base_.index) return restart(position);
  while (!runs_.empty() && runs_.back().first > position.index) runs_.pop_back();
  last_ = position;
}

void TermTable::advance_base(LogIndex index) {
  if (index <= base_.index) return;
  const std::optional<Term> term = term_at(index);
  CHECK(term.has_value());
  base_ = {.index = index, .term = *term};
  while (runs_.size() > 1 && runs_[1].first <= index.next()) runs_.pop_front();
  if (index == last_.index)
    runs_.clear();
  else
    runs_.front().first = std::max(runs_.front().first, index.next());
}

void DurableLog::apply(const BatchSummary& batch, const BatchPlace& place) {
  if (batch.cut) cut(batch.cut->last.index);
  if (batch.snapshot) {
    snapshot_ = batch.snapshot;
    pinned_segment_ = place.segment;
    note_checkpoint({.file = snapshot_->file, .checkpoint = snapshot_->superblock, .predecessor = 0});
    if (!snapshot_->tail_kept) {
      batches_.clear();
      base_ = last_ = snapshot_->last.index;
    }
  }
  for (const CheckpointRecord& record : batch.checkpoints) {
    note_checkpoint(record);
    pinned_segment_ = place.segment;
  }
  if (batch.entry_count == 0) return;
  CHECK(batch.first == last_.next());
  last_ = batch.last();
  batches_.push_back({.first = batch.first, .last = last_, .place = place});
}

void DurableLog::cut(LogIndex last) {
  while (!batches_.empty() && batches_.back().first > last) batches_.pop_back();
  if (!batches_.empty()) batches_.back().last = std::min(batches_.back().last, last);
  last_ = last;
  base_ = std::min(base_, last);
}

void DurableLog::note_checkpoint(const CheckpointRecord& record) {
  std::erase_if(checkpoints_, [&](const CheckpointRecord& known) { return known.file == record.file; });
  checkpoints_.push_back(record);
}

void DurableLog::drop_segments_below(uint64_t number) {
  while (!batches_.empty() && batches_.front().place.segment < number) batches_.pop_front();
  base_ = batches_.empty() ? last_ : LogIndex(batches_.front().first.value() - 1);
}

const BatchRef* DurableLog::find(LogIndex index) const {
  if (index <= base_ || index > last_) return nullptr;
  const auto after = std::ranges::upper_bound(batches_, index, {}, &BatchRef::first);
  CHECK(after != batches_.begin());
  return &*std::prev(after);
}

}  // namespace revd::wal

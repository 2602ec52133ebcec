#include "wal/appender.h"

#include <algorithm>

#include "base/mutant.h"

namespace revd::wal {

Appender::Appender(Core& core, SegmentStore& segments, DurableLog& log, TermTable& terms,
                   const TailPosition& tail, LogIndex commit)
    : core_(core),
      segments_(segments),
      log_(log),
      terms_(terms),
      tail_(tail),
      written_end_(terms.last()),
      acknowledged_(tail.next_sequence - 1),
      commit_(commit),
      silence_(core.env.executor) {}

// ---- Queueing ----

Status Appender::check_room(size_t bytes) const {
  if (core_.failure()) return *core_.failure();
  // Two neighbouring batches are more than one buffer's worth, so this bounds the buffers too.
  const size_t limit = core_.options.max_queued_bytes;
  const size_t buffers = 2 * (limit / core_.options.max_batch_bytes) + 8;
  const size_t needed = 2 * (bytes / core_.options.max_batch_bytes) + 1;
  if (queued_bytes_ + bytes > limit || queue_.size() + needed > buffers)
    return Error(ErrorCode::kResourceExhausted,
                 str_cat("the log's queue is full: ", queued_bytes_, " bytes wait, at most ", limit, " may"));
  return {};
}

Status Appender::check_entries(std::span<const Entry> entries) const {
  if (entries.empty()) return Error(ErrorCode::kInvalidArgument, "nothing to append");
  LogPosition last = terms_.last();
  for (const Entry& entry : entries) {
    if (entry.index != last.index.next() || entry.term < last.term)
      return Error(ErrorCode::kInvalidArgument,
                   str_cat("entry ", entry.index.value(), " of term ", entry.term.value(),
                           " can't follow entry ", last.index.value(), " of term ", last.term.value()));
    if (entry_record_bytes(entry.payload.size()) > max_record_bytes())
      return Error(ErrorCode::kInvalidArgument,
                   str_cat("an entry of ", entry.payload.size(), " bytes; at most ",
                           max_record_bytes() - entry_record_bytes(0), " fit"));
    last = {.index = entry.index, .term = entry.term};
  }
  return {};
}

Result<AppendToken> Appender::append(std::span<const Entry> entries, AppendDone done) {
  TRY(check_entries(entries));
  size_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry_record_bytes(entry.payload.size());
  TRY(check_room(bytes));
  for (const Entry& entry : entries) {
    add(batch_for(entry_record_bytes(entry.payload.size())), entry);
    terms_.append(entry.term);
    ++core_.statistics.entries;
    core_.statistics.entry_bytes += entry.payload.size();
  }
  const AppendToken result = token();
  queue_.back()->add_waiter(std::move(done), result);
  pump_soon();
  return result;
}

Result<AppendToken> Appender::cut_tail(LogIndex after, AppendDone done) {
  const std::optional<Term> term = terms_.term_at(after);
  if (!term || after == terms_.last().index)
    return Error(ErrorCode::kInvalidArgument,
                 str_cat("no tail to cut after ", after.value(), ": the log holds ",
                         terms_.base().index.value() + 1, " to ", terms_.last().index.value()));
  const LogPosition last{.index = after, .term = *term};
  TRY(check_room(record_bytes(CutTail{last})));
  terms_.cut(last);
  ++epoch_;
  return enqueue_first(CutTail{last}, std::move(done));
}

Result<AppendToken> Appender::append_snapshot(SnapshotSwitch record, AppendDone done) {
  TRY(check_room(record_bytes(record)));
  record.tail_kept = terms_.term_at(record.last.index) == record.last.term;
  if (!record.tail_kept) {
    terms_.restart(record.last);
    ++epoch_;
  }
  return enqueue_first(record, std::move(done));
}

Result<AppendToken> Appender::append_checkpoint(const CheckpointRecord& record, AppendDone done) {
  const size_t bytes = record_bytes(record);
  TRY(check_room(bytes));
  Batch& batch = batch_for(bytes);
  add(batch, record);
  batch.add_waiter(std::move(done), token());
  pump_soon();
  return token();
}

Result<AppendToken> Appender::enqueue_first(const Record& record, AppendDone done) {
  queue_.push_back(new_batch());
  Batch& batch = *queue_.back();
  add(batch, record);
  batch.add_waiter(std::move(done), token());
  pending_cuts_.push_back({.ordinal = batch.ordinal(), .last = terms_.last().index});
  pump_soon();
  return token();
}

void Appender::add(Batch& batch, const Record& record) {
  queued_bytes_ += record_bytes(record);
  batch.add(record);
}

Appender::BatchPtr Appender::new_batch() {
  BatchPtr batch;
  if (free_.empty()) {
    batch = std::make_unique<Batch>(
        core_, [this](Batch& written, const Status& status) { on_written(written, status); });
  } else {
    batch = std::move(free_.back());
    free_.pop_back();
  }
  batch->reset(terms_.last(), next_ordinal_++);
  return batch;
}

Batch& Appender::batch_for(size_t bytes) {
  if (queue_.empty() || queue_.back()->room() < bytes) queue_.push_back(new_batch());
  return *queue_.back();
}

// ---- Acknowledging ----

void Appender::on_written(Batch& batch, const Status& status) {
  Segment& segment = segments_.at(batch.place().segment);
  --segment.users;
  if (!status.ok()) core_.fail(status.error());
  if (core_.failure()) return;
  core_.statistics.write_ns.record(
      static_cast<uint64_t>((core_.env.clock.now() - batch.submitted()).count()));
  batch.durable = true;
  settle();
}

void Appender::settle() {
  settling_ = true;
  while (!in_flight_.empty() && in_flight_.front()->durable) {
    acknowledge(*in_flight_.front());
    settled_.push_back(std::move(in_flight_.front()));
    in_flight_.pop_front();
  }
  for (const BatchPtr& batch : settled_) batch->call_waiters(nullptr);
  for (BatchPtr& batch : settled_) free_.push_back(std::move(batch));
  settled_.clear();
  call_flush_waiters();
  settling_ = false;
  last_settled_ = core_.env.clock.now();
  watch_silence();
  pump();
  segments_.recycle();
}

void Appender::acknowledge(Batch& batch) {
  acknowledged_ = batch.place().sequence;
  log_.apply(batch.summary(), batch.place());
  queued_bytes_ -= batch.record_bytes();
  covered_ordinal_ = std::max(covered_ordinal_, batch.covers_ordinal);
  if (batch.ordinal() == 0) return;  // it named a successor and was never queued
  acknowledged_ordinal_ = batch.ordinal();
  if (!batch.empty()) recorded_ordinal_ = batch.ordinal();
  while (!pending_cuts_.empty() && pending_cuts_.front().ordinal <= acknowledged_ordinal_)
    pending_cuts_.pop_front();
}

LogIndex Appender::durable_index() const {
  LogIndex last = log_.last();
  for (const PendingCut& cut : pending_cuts_) last = std::min(last, cut.last);
  return last;
}

uint64_t Appender::oldest_unfinished_segment() const {
  return in_flight_.empty() ? segments_.current().number() : in_flight_.front()->place().segment;
}

// ---- Seals and flushing ----

void Appender::flush(StatusDone done) {
  flush_waiters_.push_back({.ordinal = next_ordinal_ - 1, .done = std::move(done)});
  pump_soon();
}

void Appender::call_flush_waiters() {
  while (!flush_waiters_.empty()) {
    const bool reached = acknowledged_ordinal_ >= flush_waiters_.front().ordinal &&
                         (covered_ordinal_ >= flush_waiters_.front().ordinal || !needs_seal());
    if (!reached) return;
    StatusDone done = std::move(flush_waiters_.front().done);
    flush_waiters_.pop_front();
    done({});
  }
}

void Appender::enqueue_seal() { queue_.push_back(new_batch()); }

void Appender::watch_silence() {
  if (!needs_seal() || silence_.running()) return;
  silence_.start(core_.options.seal_delay, [this] { on_silence(); });
}

void Appender::on_silence() {
  if (core_.failure() || !needs_seal()) return;
  const Duration silent = core_.env.clock.now() - last_settled_;
  const bool busy = !queue_.empty() || !in_flight_.empty() || switching_;
  if (busy || silent < core_.options.seal_delay) {
    const Duration rest = busy ? core_.options.seal_delay : core_.options.seal_delay - silent;
    return silence_.start(rest, [this] { on_silence(); });
  }
  enqueue_seal();
  pump();
}

// ---- The end ----

void Appender::fail_pending() {
  const Error failure = *core_.failure();
  silence_.stop();
  // Callbacks may call back in here, but nothing is queued any more.
  for (const BatchPtr& batch : in_flight_) batch->call_waiters(&failure);
  for (const BatchPtr& batch : queue_) batch->call_waiters(&failure);
  std::deque<FlushWaiter> waiters;
  waiters.swap(flush_waiters_);
  for (FlushWaiter& waiter : waiters) waiter.done(failure);
}

void Appender::stop() {
  silence_.stop();
  for (const BatchPtr& batch : in_flight_) batch->drop_waiters();
  queue_.clear();
  flush_waiters_.clear();
}

}  // namespace revd::wal

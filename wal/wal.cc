#include "wal/wal.h"

#include <algorithm>

#include "wal/appender.h"
#include "wal/entry_reader.h"
#include "wal/hard_state.h"
#include "wal/recovery.h"

namespace revd::wal {

namespace {

constexpr Duration kKeeperPeriod = std::chrono::hours(1);

Error bad_option(const char* name, uint64_t value, std::string_view allowed) {
  return {ErrorCode::kInvalidArgument, str_cat(name, " is ", value, ", allowed is ", allowed)};
}

Status check_options(const WalOptions& options) {
  if (options.directory.empty()) return Error(ErrorCode::kInvalidArgument, "the log's directory is empty");
  const uint64_t segment = options.segment_bytes;
  if (segment < kMinSegmentBytes || segment > kMaxSegmentBytes || segment % kBlockBytes != 0)
    return bad_option("segment_bytes", segment, "32 KiB to 4 GiB, in whole blocks of 4 KiB");
  const uint64_t batch = options.max_batch_bytes;
  // Header, the batch itself, and the block that is left for naming the successor.
  const uint64_t largest = std::min(kMaxBatchBytes, segment - 2 * kBlockBytes);
  if (batch < kBlockBytes || batch > largest || batch % kBlockBytes != 0)
    return bad_option("max_batch_bytes", batch, str_cat("4096 to ", largest, ", in whole blocks of 4 KiB"));
  if (options.max_queued_bytes < batch)
    return bad_option("max_queued_bytes", options.max_queued_bytes, "max_batch_bytes or more");
  if (options.write_depth < 1 || options.write_depth > 4)
    return bad_option("write_depth", options.write_depth, "1 to 4");
  if (options.spares_ready < 1) return bad_option("spares_ready", 0, "1 or more");
  if (options.spares_kept < options.spares_ready)
    return bad_option("spares_kept", options.spares_kept, "spares_ready or more");
  return {};
}

}  // namespace

struct Wal::Impl {
  Impl(Env env, WalOptions options, uint64_t run, RecoveredLog recovered)
      : core(env, std::move(options)),
        terms(std::move(recovered.terms)),
        log(std::move(recovered.log)),
        segments(core, log, terms, std::move(recovered.segments), std::move(recovered.spares),
                 recovered.next_spare_id),
        hard_state(core, recovered.hard_state_files, recovered.hard_state),
        appender(core, segments, log, terms, recovered.tail,
                 std::max(recovered.commit, recovered.hard_state.state.commit)),
        reader(core, segments, log, [this] { return appender.epoch(); }) {
    core.identity = recovered.identity;
    core.run = run;
    core.on_failure = [this] {
      appender.fail_pending();
      hard_state.fail_pending();
    };
    segments.make_spares();
  }

  void stop() {
    appender.stop();
    hard_state.stop();
    reader.stop();
    segments.stop();
  }

  Core core;
  TermTable terms;  // with everything that was appended
  DurableLog log;   // with what is durable
  LogIndex floor;
  SegmentStore segments;
  HardStateStore hard_state;
  Appender appender;
  EntryReader reader;
};

Wal::Wal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Wal::~Wal() {
  if (impl_) abandon([] {});
}

void Wal::close(std::unique_ptr<Wal> log, std::move_only_function<void()> closed) {
  log->abandon(std::move(closed));
}

// What the disk still works on must stay in memory. The executor keeps it, in a timer that the last
// completion cancels; if the executor ends before, the timer's task goes, and the log's memory with it.
void Wal::abandon(std::move_only_function<void()> closed) {
  impl_->stop();
  Executor& executor = impl_->core.env.executor;
  auto keeper = std::make_shared<Executor::TimerId>(0);
  auto callback = std::make_shared<Task>(std::move(closed));
  impl_->core.on_abandoned_idle = [keeper, callback, &executor] {
    executor.cancel(*keeper);
    executor.post(std::move(*callback));
  };
  if (!impl_->core.abandon()) {
    impl_.reset();
    executor.post(std::move(*callback));
    return;
  }
  struct Keep {
    std::unique_ptr<Impl> impl;
    std::shared_ptr<Executor::TimerId> id;
    void operator()() {
      Executor& home = impl->core.env.executor;
      const std::shared_ptr<Executor::TimerId> place = id;
      *place = home.schedule(kKeeperPeriod, std::move(*this));
    }
  };
  Keep{std::move(impl_), keeper}();
}

Result<std::unique_ptr<Wal>> Wal::open(Env env, WalOptions options) {
  TRY(check_options(options));
  const uint64_t run = env.random.next();
  TRY_ASSIGN(RecoveredLog recovered, recover(env, options, run));
  return std::unique_ptr<Wal>(
      new Wal(std::make_unique<Impl>(env, std::move(options), run, std::move(recovered))));
}

// ---- Appending ----

Result<AppendToken> Wal::append(std::span<const Entry> entries, AppendDone on_durable) {
  return impl_->appender.append(entries, std::move(on_durable));
}

Result<AppendToken> Wal::cut_tail(LogIndex after, AppendDone on_durable) {
  if (after.next() < impl_->floor)
    return Error(ErrorCode::kInvalidArgument,
                 str_cat("a cut after ", after.value(), ", below the floor at ", impl_->floor.value()));
  return impl_->appender.cut_tail(after, std::move(on_durable));
}

Result<AppendToken> Wal::append_checkpoint(const CheckpointRecord& record, AppendDone on_durable) {
  return impl_->appender.append_checkpoint(record, std::move(on_durable));
}

Result<AppendToken> Wal::append_snapshot_switch(SnapshotSwitch record, AppendDone on_durable) {
  if (record.last.index.next() < impl_->floor)
    return Error(ErrorCode::kInvalidArgument, str_cat("a snapshot at ", record.last.index.value(),
                                                      ", below the floor at ", impl_->floor.value()));
  return impl_->appender.append_snapshot(record, std::move(on_durable));
}

void Wal::flush(StatusDone on_sealed) {
  if (!impl_->core.failure()) return impl_->appender.flush(std::move(on_sealed));
  impl_->core.post([done = std::move(on_sealed), error = *impl_->core.failure()]() mutable { done(error); });
}

void Wal::set_floor(LogIndex index, uint64_t first_segment) {
  impl_->floor = std::max(impl_->floor, std::min(index, durable_index().next()));
  impl_->segments.set_floor(impl_->floor, first_segment);
}

// ---- Hard state ----

void Wal::save_hard_state(Term term, NodeId vote, StatusDone on_durable) {
  if (!impl_->core.failure())
    return impl_->hard_state.save(term, vote, impl_->appender.commit(), std::move(on_durable));
  impl_->core.post([done = std::move(on_durable), error = *impl_->core.failure()]() mutable { done(error); });
}

void Wal::note_commit(LogIndex index) { impl_->appender.note_commit(index); }

HardState Wal::hard_state() const {
  HardState state = impl_->hard_state.wanted();
  state.commit = std::max(state.commit, impl_->appender.commit());
  return state;
}

// ---- Reading ----

void Wal::read(LogIndex first, LogIndex last, size_t max_bytes, ReadDone done) {
  const LogIndex durable = durable_index();
  if (first >= first_index() && first <= durable && first <= last)
    return impl_->reader.read(first, std::min(last, durable), max_bytes, std::move(done));
  Error error(ErrorCode::kOutOfRange,
              str_cat("entries from ", first.value(), " to ", last.value(), "; the log holds ",
                      first_index().value(), " to ", durable.value()));
  impl_->core.post([done = std::move(done), error = std::move(error)]() mutable { done(std::move(error)); });
}

Status Wal::for_each(LogIndex first, LogIndex last, const std::function<Status(const Entry&)>& visit) {
  if (first > last) return {};
  if (first < first_index() || last > durable_index())
    return Error(ErrorCode::kOutOfRange,
                 str_cat("entries from ", first.value(), " to ", last.value(), "; the log holds ",
                         first_index().value(), " to ", durable_index().value()));
  while (first <= last) {
    TRY_ASSIGN(const EntryChunk chunk, impl_->reader.read_batch(first, last));
    for (const Entry& entry : chunk.entries) TRY(visit(entry));
    first = chunk.entries.back().index.next();
  }
  return {};
}

// ---- State ----

LogIndex Wal::first_index() const { return impl_->terms.base().index.next(); }
LogIndex Wal::last_index() const { return impl_->terms.last().index; }
Term Wal::last_term() const { return impl_->terms.last().term; }
std::optional<Term> Wal::term_at(LogIndex index) const { return impl_->terms.term_at(index); }
LogIndex Wal::durable_index() const { return impl_->appender.durable_index(); }
uint64_t Wal::epoch() const { return impl_->appender.epoch(); }
uint64_t Wal::acknowledged_sequence() const { return impl_->appender.acknowledged_sequence(); }

uint64_t Wal::segment_of(LogIndex index) const {
  const BatchRef* batch = impl_->log.find(index);
  return batch != nullptr ? batch->place.segment : impl_->appender.oldest_unfinished_segment();
}

uint64_t Wal::current_segment() const { return impl_->segments.current().number(); }
const LogIdentity& Wal::identity() const { return impl_->core.identity; }
const std::vector<CheckpointRecord>& Wal::checkpoints() const { return impl_->log.checkpoints(); }
const std::optional<SnapshotSwitch>& Wal::snapshot_switch() const { return impl_->log.snapshot(); }
size_t Wal::queued_bytes() const { return impl_->appender.queued_bytes(); }
size_t Wal::max_entry_payload() const { return impl_->appender.max_record_bytes() - entry_record_bytes(0); }
size_t Wal::spare_count() const { return impl_->segments.spare_count(); }
bool Wal::failed() const { return impl_->core.failure().has_value(); }
bool Wal::idle() const { return impl_->core.idle(); }
const WalStatistics& Wal::statistics() const { return impl_->core.statistics; }

}  // namespace revd::wal

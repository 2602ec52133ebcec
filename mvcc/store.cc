#include "mvcc/store.h"

#include <algorithm>

#include "mvcc/command/check_request.h"
#include "mvcc/command/errors.h"

namespace revd {

MvccStore::MvccStore(std::unique_ptr<StoreCore> core) : core_(std::move(core)) {}
MvccStore::~MvccStore() = default;

Result<std::unique_ptr<MvccStore>> MvccStore::open(Env& env, Backend& backend) {
  TRY_ASSIGN(std::unique_ptr<StoreCore> core, StoreCore::open(env, backend));
  return std::unique_ptr<MvccStore>(new MvccStore(std::move(core)));
}

Result<CommandResult> MvccStore::apply(const LogEntry& entry) {
  ApplyTask task(*core_, entry, ApplyMode::kWhole);
  StepBudget budget = StepBudget::unlimited();
  TRY_ASSIGN(const Step step, task.step(budget));
  CHECK(step == Step::kDone);
  TRY(core_->publish());
  return std::move(task.outcome().result);
}

StorageMetrics MvccStore::metrics() const {
  StorageMetrics metrics;
  metrics.current_revision = core_->published.revision;
  metrics.compact_revision = core_->published.floor;
  if (!core_->has_unpublished() || core_->sliced) {
    const Snapshot snapshot = core_->backend.snapshot();
    const Result<uint64_t> entries = snapshot.count(core_->trees.key_index);
    if (entries.ok()) metrics.key_count = *entries - std::min(*entries, core_->published.tombstones);
  }
  metrics.db_size_bytes = core_->backend.statistics().pages.file_bytes;
  metrics.live_bytes = core_->backend.live_bytes();
  metrics.physical_compact_revision = core_->compaction.done;
  return metrics;
}

Result<RangeResponse> MvccStore::range(const RangeRequest& request) {
  TRY(check_range(request));
  RangeTask task(*this, request, {.mode = ReadMode::kBlocking});
  StepBudget budget = StepBudget::unlimited();
  TRY_ASSIGN(const Step step, task.step(budget));
  CHECK(step == Step::kDone);
  return task.take_page();
}

Result<LeaseTimeToLiveResponse> MvccStore::lease_time_to_live(const LeaseTimeToLiveRequest& request,
                                                              LogTime log_now) {
  constexpr int64_t kNsPerMs = 1'000'000;
  Snapshot snapshot = core_->backend.snapshot();
  const ReadView view(snapshot, ReadMode::kBlocking);
  LeaseTimeToLiveResponse response;
  response.revision = current_revision();
  response.id = request.id;
  TRY_ASSIGN(const std::optional<Lease> lease, core_->leases.find(view, request.id));
  if (!lease) {
    response.ttl_ms = -1;
    return response;
  }
  response.granted_ttl_ms = lease->ttl_ms;
  response.ttl_ms = std::max<int64_t>(0, (lease->deadline.value() - log_now.value()) / kNsPerMs);
  if (request.keys) {
    TRY_ASSIGN(response.keys, core_->leases.keys(view, request.id));
  }
  return response;
}

Result<LeaseLeasesResponse> MvccStore::lease_leases() {
  Snapshot snapshot = core_->backend.snapshot();
  LeaseLeasesResponse response;
  response.revision = current_revision();
  TRY_ASSIGN(response.ids, core_->leases.all(ReadView(snapshot, ReadMode::kBlocking)));
  return response;
}

Result<std::vector<std::string>> MvccStore::get_keys_by_lease(LeaseId id) {
  Snapshot snapshot = core_->backend.snapshot();
  const ReadView view(snapshot, ReadMode::kBlocking);
  TRY_ASSIGN(const std::optional<Lease> lease, core_->leases.find(view, id));
  if (!lease) return api_error(ApiError::kLeaseNotFound);
  return core_->leases.keys(view, id);
}

Result<std::vector<LeaseId>> MvccStore::due_leases(LogTime now, size_t max) {
  Snapshot snapshot = core_->backend.snapshot();
  return core_->leases.due(ReadView(snapshot, ReadMode::kBlocking), now, max);
}

Result<std::vector<SessionId>> MvccStore::due_sessions(LogTime now, size_t max) {
  Snapshot snapshot = core_->backend.snapshot();
  return core_->sessions.due(ReadView(snapshot, ReadMode::kBlocking), now, max);
}

Result<bool> MvccStore::needs_time() {
  Snapshot snapshot = core_->backend.snapshot();
  const ReadView view(snapshot, ReadMode::kBlocking);
  TRY_ASSIGN(const std::optional<LogTime> next, core_->leases.next_deadline(view));
  if (next) return true;
  return core_->sessions.any(view);
}

}  // namespace revd

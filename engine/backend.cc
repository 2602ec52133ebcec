#include "engine/backend.h"

#include <utility>

#include "base/strings.h"
#include "engine/checkpointer.h"
#include "engine/recovery.h"

namespace revd {

struct Backend::Impl {
  Impl(Env& environment, BackendConfig configuration, engine_internal::OpenedParts parts)
      : env(environment),
        config(std::move(configuration)),
        lock(parts.lock),
        log(std::move(parts.log)),
        pages(std::move(parts.pages)),
        report(parts.report),
        checkpoints(env, config, *log, *pages) {}

  Env& env;
  BackendConfig config;
  FileHandle lock;
  std::unique_ptr<wal::Wal> log;
  std::unique_ptr<btree::PageFile> pages;
  RecoveryReport report;
  engine_internal::CheckpointDriver checkpoints;
};

Backend::Backend(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Backend>> Backend::open(Env& env, const BackendConfig& config) {
  TRY_ASSIGN(engine_internal::OpenedParts parts, engine_internal::open_parts(env, config));
  auto impl = std::make_unique<Impl>(env, config, std::move(parts));
  const RecoveryReport& report = impl->report;
  env.logger.info("engine", "opened",
                  {{"data_dir", config.data_dir},
                   {"created", report.created ? "true" : "false"},
                   {"checkpoint", str_cat(impl->pages->superblock().sequence.value())},
                   {"applied", str_cat(report.checkpoint.index.value())},
                   {"log_last", str_cat(report.log_last.value())}});
  if (report.superblock_fallback)
    env.logger.warning("engine", "newest superblock not usable, opened its predecessor",
                       {{"checkpoint", str_cat(impl->pages->superblock().sequence.value())}});
  return std::unique_ptr<Backend>(new Backend(std::move(impl)));
}

Backend::~Backend() {
  // What the disk is still doing for the page file or the log must not meet whoever opens them next.
  impl_->env.executor.run_until([this] { return impl_->pages->idle() && impl_->log->idle(); });
  (void)close_file(impl_->env.disk, impl_->lock);
}

const RecoveryReport& Backend::recovery() const { return impl_->report; }

Status Backend::replay(const std::function<Status(const LogEntry&)>& apply) {
  const LogIndex first = impl_->pages->applied().index.next();
  const LogIndex last = impl_->log->durable_index();
  if (last < first) return {};
  return impl_->log->for_each(first, last, apply);
}

wal::Wal& Backend::log() { return *impl_->log; }

Result<TreeId> Backend::ensure_tree(std::string_view name, const TreeOptions& options) {
  return impl_->pages->ensure_tree(name, options);
}
std::optional<TreeId> Backend::find_tree(std::string_view name) const {
  return impl_->pages->find_tree(name);
}
WriteTxn Backend::begin_write(const WriteOptions& options) { return impl_->pages->begin_write(options); }

void Backend::commit(WriteTxn txn, const AppliedPosition& applied) {
  txn.commit(applied);
  impl_->checkpoints.note_commit();
}

Snapshot Backend::snapshot() { return impl_->pages->snapshot(); }
const AppliedPosition& Backend::applied() const { return impl_->pages->applied(); }
void Backend::load(const PageRequest& request, std::move_only_function<void(Status)> done) {
  impl_->pages->load(request, std::move(done));
}

uint64_t Backend::live_bytes() const {
  return impl_->pages->stats().live_bytes + impl_->pages->dirty_bytes();
}

void Backend::checkpoint(std::move_only_function<void(Status)> done) {
  impl_->checkpoints.request(std::move(done));
}
bool Backend::checkpoint_running() const { return impl_->checkpoints.running(); }

Status Backend::failed() const {
  TRY(impl_->pages->failed());
  if (impl_->log->failed()) return Error(ErrorCode::kIo, "the log has failed");
  return {};
}
void Backend::on_failure(std::function<void(const Error&)> stop) {
  impl_->checkpoints.on_failure(std::move(stop));
}

const btree::PageFile& Backend::page_file() const { return *impl_->pages; }
BackendStatistics Backend::statistics() const {
  return {.pages = impl_->pages->stats(),
          .log = impl_->log->statistics(),
          .checkpoints = impl_->checkpoints.completed(),
          .checkpoint_ns = impl_->checkpoints.durations_ns()};
}
const BackendConfig& Backend::config() const { return impl_->config; }

Result<btree::VerifyReport> Backend::verify(const btree::VerifyOptions& options) {
  impl_->env.executor.run_until([this] { return !checkpoint_running(); });
  return impl_->pages->verify(options);
}

Status Backend::close() {
  TRY(failed());
  std::optional<Status> last;
  impl_->checkpoints.request([&last](Status status) { last = std::move(status); });
  impl_->env.executor.run_until([&last] { return last.has_value(); });
  if (!last) return Error(ErrorCode::kCancelled, "the loop was stopped before the last checkpoint ended");
  TRY(std::move(*last));
  last.reset();
  impl_->log->flush([&last](const Status& status) { last = status; });
  impl_->env.executor.run_until([&last] { return last.has_value(); });
  if (!last) return Error(ErrorCode::kCancelled, "the loop was stopped before the log was sealed");
  return std::move(*last);
}

}  // namespace revd

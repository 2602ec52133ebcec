#include "server/services/api_service.h"

#include <utility>

#include "base/strings.h"

namespace revd {

ApiService::ApiService(Node& node, std::string version)
    : node_(node), version_(std::move(version)), started_(node.env().clock.now()), runner_(node) {}

// ---- Writes. ----

void ApiService::handle(Call& call, const PutRequest& request) {
  auto command = node_.proposer().put(command_header(call), request);
  propose_and_answer<PutResponse>(node_, std::move(call.reply), std::move(command));
}

void ApiService::handle(Call& call, const DeleteRangeRequest& request) {
  auto command = node_.proposer().delete_range(command_header(call), request);
  propose_and_answer<DeleteRangeResponse>(node_, std::move(call.reply), std::move(command));
}

void ApiService::handle(Call& call, const TxnRequest& request) {
  auto command = node_.proposer().txn(command_header(call), request);
  propose_and_answer<TxnResponse>(node_, std::move(call.reply), std::move(command));
}

void ApiService::handle(Call& call, const CompactRequest& request) {
  auto command = node_.proposer().compact(command_header(call), request);
  propose_and_answer<CompactResponse>(node_, std::move(call.reply), std::move(command));
}

void ApiService::handle(Call& call, const SessionOpenRequest& request) {
  auto command = node_.proposer().session_open(command_header(call), request);
  propose_and_answer<SessionOpenResponse>(node_, std::move(call.reply), std::move(command));
}

void ApiService::handle(Call& call, const SessionCloseRequest& request) {
  auto command = node_.proposer().session_close(command_header(call), request);
  propose_and_answer<EmptyResponse>(node_, std::move(call.reply), std::move(command));
}

void ApiService::handle(Call& call, const SessionKeepAliveRequest& request) {
  auto command = node_.proposer().session_keep_alive(command_header(call), request);
  propose_and_answer<EmptyResponse>(node_, std::move(call.reply), std::move(command));
}

// ---- Reads. ----

void ApiService::start_read(std::unique_ptr<ReplyJob> job, bool linearizable) {
  ReplyJob& reading = *job;
  const JobRunner::Id id = runner_.add(std::move(job));
  reading.set_id(id);
  if (!linearizable) return runner_.run(id);
  node_.read_barrier(
      [resume = runner_.resume(id), fail = runner_.fail_task(id)](const Status& passed) mutable {
        if (passed.ok())
          resume();
        else
          fail(passed.error());
      });
}

void ApiService::handle(Call& call, RangeRequest& request) {
  const Status checked = node_.proposer().check_range(call.principal->user, request);
  if (!checked.ok()) return finish_error(node_, *call.reply, checked.error(), false);
  const bool linearizable = !request.serializable;
  start_read(std::make_unique<RangeJob>(node_, runner_, std::move(call.reply), std::move(request)),
             linearizable);
}

void ApiService::handle(Call& call, RangePagesRequest& request) {
  const Status checked = node_.proposer().check_range(call.principal->user, request.range);
  if (!checked.ok()) return finish_error(node_, *call.reply, checked.error(), false);
  const bool linearizable = !request.range.serializable;
  start_read(std::make_unique<RangePagesJob>(node_, runner_, std::move(call.reply), std::move(request)),
             linearizable);
}

void ApiService::handle(Call& call, const HashRequest& request) {
  start_read(std::make_unique<HashJob>(node_, runner_, std::move(call.reply), request), true);
}

void ApiService::handle(Call& call, const SnapshotRequest&) {
  start_read(std::make_unique<SnapshotJob>(node_, runner_, std::move(call.reply)), true);
}

// ---- The node. ----

StatusResponse ApiService::status() const {
  const StorageMetrics metrics = node_.store().metrics();
  const ConsensusState consensus = node_.consensus().state();
  const wal::Wal& log = node_.backend().log();
  const BackendConfig& config = node_.backend().config();
  StatusResponse status;
  status.revision = metrics.current_revision;
  status.version = version_;
  status.compact_revision = metrics.compact_revision;
  status.leader = consensus.leader;
  status.log_index = consensus.last_index;
  status.key_count = metrics.key_count;
  status.db_size_bytes = metrics.db_size_bytes;
  status.db_live_bytes = metrics.live_bytes;
  status.quota_backend_bytes = node_.proposer().options().quota_backend_bytes;
  status.log_bytes = (log.current_segment() - log.segment_of(log.first_index()) + 1 + log.spare_count()) *
                     config.wal_segment_bytes;
  status.uptime_ms =
      static_cast<uint64_t>((node_.env().clock.now() - started_) / std::chrono::milliseconds(1));
  for (const auto& [member, cause] : node_.store().alarms()) {
    const bool quota = cause == AlarmCause::kQuota;
    status.errors.push_back(str_cat("alarm ", quota ? "NOSPACE" : "DISK", " of member ", member.value()));
  }
  return status;
}

void ApiService::handle(Call& call, const StatusRequest&) { finish(node_, *call.reply, status()); }

void ApiService::handle(Call& call, const AlarmRequest& request) {
  if (request.action == AlarmAction::kDisarm) return disarm(std::move(call.reply), request.alarm);
  AlarmResponse response;
  response.revision = node_.store().current_revision();
  for (const auto& [member, cause] : node_.store().alarms()) response.alarms.push_back({member, cause});
  finish(node_, *call.reply, std::move(response));
}

void ApiService::disarm(std::unique_ptr<Reply> reply, const Alarm& which) {
  struct Disarming {
    std::unique_ptr<Reply> reply;
    AlarmResponse response;
    std::optional<Error> error;
    size_t open = 0;
  };
  auto state = std::make_shared<Disarming>();
  state->reply = std::move(reply);
  state->response.revision = node_.store().current_revision();
  for (const auto& [member, cause] : node_.store().alarms()) {
    if (which.member != NodeId{} && which.member != member) continue;
    if (which.cause != AlarmCause{} && which.cause != cause) continue;
    state->response.alarms.push_back({member, cause});
  }
  if (state->response.alarms.empty()) return finish(node_, *state->reply, std::move(state->response));
  state->open = state->response.alarms.size();
  for (const Alarm& alarm : state->response.alarms) {
    node_.propose(node_.proposer().alarm_clear(alarm.member, alarm.cause),
                  [&node = node_, state](const Result<CommandResult>& result) {
                    if (!result.ok()) state->error = result.error();
                    if (--state->open > 0) return;
                    if (state->error) return finish_error(node, *state->reply, *state->error, false);
                    finish(node, *state->reply, std::move(state->response));
                  });
  }
}

}  // namespace revd

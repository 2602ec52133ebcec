#include "mvcc/housekeeper.h"

namespace revd {
namespace {

template <Message Body>
std::string encode(CommandKind kind, const Body& body) {
  std::string command;
  encode_command(CommandHeader{}, kind, body, command);
  return command;
}

}  // namespace

Housekeeper::Housekeeper(MvccStore& store, Backend& backend, Proposer& proposer,
                         const HousekeeperOptions& options)
    : store_(store),
      backend_(backend),
      proposer_(proposer),
      options_(options),
      compactor_(options.compactor) {}

void Housekeeper::start_leading() {
  compactor_.reset();
  leases_proposed_ = sessions_proposed_ = alarm_proposed_ = LogIndex{};
}

Result<HousekeeperOutput> Housekeeper::tick(const HousekeeperInput& input) {
  HousekeeperOutput output;
  TRY(end_leases(input, output));
  TRY(end_sessions(input, output));
  watch_quota(output);
  const std::optional<int64_t> compact =
      compactor_.tick(input.now, store_.current_revision(), store_.compact_revision());
  if (compact) output.commands.push_back(encode(CommandKind::kCompact, CompactRequest{*compact, false}));
  if (output.commands.empty() && input.now - input.last_entry >= options_.time_entry_every) {
    TRY_ASSIGN(output.time_entry, store_.needs_time());
  }
  return output;
}

// Nothing is proposed again before something was applied after it: log entries are applied in order, so a
// batch under way is either applied by then or lost.
Status Housekeeper::end_leases(const HousekeeperInput& input, HousekeeperOutput& output) {
  const LogIndex applied = store_.applied().index;
  if (applied == leases_proposed_) return {};
  TRY_ASSIGN(const std::vector<LeaseId> due, store_.due_leases(input.log_now, options_.expire_batch));
  if (due.empty()) return {};
  leases_proposed_ = applied;
  output.commands.push_back(encode(CommandKind::kLeaseExpire, LeaseExpireCommand{input.term, due}));
  return {};
}

Status Housekeeper::end_sessions(const HousekeeperInput& input, HousekeeperOutput& output) {
  const LogIndex applied = store_.applied().index;
  if (applied == sessions_proposed_) return {};
  TRY_ASSIGN(const std::vector<SessionId> due, store_.due_sessions(input.log_now, options_.expire_batch));
  if (due.empty()) return {};
  sessions_proposed_ = applied;
  output.commands.push_back(encode(CommandKind::kSessionExpire, SessionExpireCommand{input.term, due}));
  return {};
}

// Raised at the quota, cleared below 95 % of it.
void Housekeeper::watch_quota(HousekeeperOutput& output) {
  const LogIndex applied = store_.applied().index;
  const uint64_t quota = proposer_.options().quota_backend_bytes;
  const bool raised = store_.alarms().contains({options_.member, AlarmCause::kQuota});
  const uint64_t live = quota != 0 || raised ? backend_.live_bytes() : 0;
  const bool raise = !raised && quota != 0 && live >= quota;
  const bool clear = raised && (quota == 0 || live < quota / 100 * 95);
  if ((!raise && !clear) || applied == alarm_proposed_) return;
  alarm_proposed_ = applied;
  output.commands.push_back(
      raise ? encode(CommandKind::kAlarmRaise, AlarmRaiseCommand{options_.member, AlarmCause::kQuota})
            : proposer_.alarm_clear(options_.member, AlarmCause::kQuota));
}

}  // namespace revd

#include "mvcc/apply_task.h"

#include <algorithm>

#include "base/mutant.h"
#include "mvcc/command/errors.h"

namespace revd {
namespace {

template <typename Visit>
bool any_operation(const TxnRequest& txn, Visit visit) {
  for (const auto* branch : {&txn.success, &txn.failure}) {
    for (const RequestOp& operation : *branch) {
      const auto* nested = std::get_if<TxnRequest>(&operation.one_of);
      if (nested != nullptr ? any_operation(*nested, visit) || visit(*nested) : visit(operation)) return true;
    }
  }
  return false;
}

bool has_range_compare(const TxnRequest& txn) {
  return std::ranges::any_of(txn.compare, [](const Compare& c) { return !c.range_end.empty(); });
}

struct HasRange {
  bool operator()(const TxnRequest& nested) const { return has_range_compare(nested); }
  bool operator()(const RequestOp& operation) const {
    if (const auto* range = std::get_if<RangeRequest>(&operation.one_of)) return !range->range_end.empty();
    const auto* erase = std::get_if<DeleteRangeRequest>(&operation.one_of);
    return erase != nullptr && !erase->range_end.empty();
  }
};

struct HasPut {
  bool operator()(const TxnRequest& /*nested*/) const { return false; }
  bool operator()(const RequestOp& operation) const {
    return std::holds_alternative<PutRequest>(operation.one_of);
  }
};

void set_revision(CommandResult& result, int64_t revision) {
  std::visit(
      [&](auto& answer) {
        if constexpr (requires { answer.revision; }) answer.revision = revision;
      },
      result.one_of);
}

}  // namespace

bool has_ranges(const TxnRequest& txn) { return has_range_compare(txn) || any_operation(txn, HasRange()); }
bool has_puts(const TxnRequest& txn) { return any_operation(txn, HasPut()); }

ApplyTask::ApplyTask(StoreCore& core, const LogEntry& entry, ApplyMode mode)
    : core_(core),
      entry_(entry),
      mode_(mode),
      writer_(core, std::max(entry.time, core.working.applied.log_time)) {
  entry_.time = writer_.time();  // never goes back
}

Result<Step> ApplyTask::step(StepBudget& budget) {
  auto step = run(budget);
  if (!step.ok() && would_block(step.error()) && large_) return Step::kBlocked;
  return step;
}

Result<Step> ApplyTask::run(StepBudget& budget) {
  for (;;) {
    switch (phase_) {
      case Phase::kDecode: {
        TRY(decode());
        // A sliced command has the transaction for itself.
        if (core_.has_writer() && (large_ || core_.sliced)) TRY(core_.publish());
        txn();
        phase_ = outcome_.result.one_of.index() != 0 || entry_.type != LogEntryType::kCommand
                     ? Phase::kDone
                     : Phase::kSession;
        if (phase_ == Phase::kDone) finish();
        break;
      }
      case Phase::kSession:
        TRY(check_session());
        phase_ = answered_before_ || refused() ? Phase::kAnswer : Phase::kBody;
        break;
      case Phase::kBody: {
        TRY_ASSIGN(const Step step, run_body(budget));
        if (step != Step::kDone) return step;
        writer_.end_revision();
        set_revision(outcome_.result, core_.working.revision);
        phase_ = Phase::kAnswer;
        break;
      }
      case Phase::kAnswer: {
        Status kept = keep_answer();
        if (kept.ok() && large_) kept = core_.write_meta();
        missing_ = txn().missing();
        TRY(std::move(kept));
        finish();
        phase_ = Phase::kDone;
        break;
      }
      case Phase::kDone: return Step::kDone;
    }
  }
}

void ApplyTask::finish() {
  AppliedPosition& applied = core_.working.applied;
  applied.index = entry_.index;
  applied.term = entry_.term;
  applied.log_time = entry_.time;
}

// ---- The command's bytes. ----

template <typename T>
Status ApplyTask::decode_body(T& body) {
  auto decoded = decode_message<T>(parts_.body);
  if (!decoded.ok()) return Error(ErrorCode::kDataLoss, "malformed command in the log");
  body = std::move(decoded).value();
  return {};
}

Status ApplyTask::decode() {
  if (entry_.type != LogEntryType::kCommand) return {};
  TRY_ASSIGN(parts_, split_command(entry_.payload));
  if (parts_.kind == CommandKind::kPut) return decode_body(put_);
  TRY_ASSIGN(Command command, decode_command(entry_.payload));
  body_ = std::move(command.body);
  if (mode_ == ApplyMode::kWhole) return {};
  switch (parts_.kind) {
    case CommandKind::kDeleteRange: large_ = !body<DeleteRangeRequest>().range_end.empty(); break;
    case CommandKind::kTxn: large_ = has_ranges(body<TxnRequest>()); break;
    case CommandKind::kLeaseRevoke:
    case CommandKind::kLeaseExpire: large_ = true; break;
    default: break;
  }
  return {};
}

// ---- Sessions. ----

Status ApplyTask::check_session() {
  const CommandHeaderView& header = parts_.header;
  if (header.session == SessionId{}) return {};
  auto session = core_.sessions.find(view(), header.session);
  missing_ = txn().missing();
  if (!session.ok()) return session.error();
  session_ = *session;
  const uint64_t lowest = session_ ? std::max(session_->lowest, header.lowest_unacknowledged) : 0;
  if (!session_ || header.sequence < lowest || header.sequence - lowest >= session_->window) {
    session_.reset();
    refuse(api_error(ApiError::kSessionExpired));
    return {};
  }
  if (MUTANT(DuplicateRetry)) return {};
  auto answer = core_.sessions.answer(view(), header.session, header.sequence);
  missing_ = txn().missing();
  if (!answer.ok()) return answer.error();
  if (!*answer) return {};
  outcome_.result = std::move(**answer);
  answered_before_ = true;
  if (parts_.kind == CommandKind::kCompact && outcome_.result.ok() && body<CompactRequest>().physical)
    outcome_.physical_revision = body<CompactRequest>().revision;
  return {};
}

Status ApplyTask::keep_answer() {
  if (!session_) return {};
  const CommandHeaderView& header = parts_.header;
  // The command may have ended its own session.
  TRY_ASSIGN(session_, core_.sessions.find(view(), header.session));
  if (!session_) return {};
  TRY(core_.sessions.forget_answers(txn(), header.session, *session_, header.lowest_unacknowledged));
  if (!answered_before_)
    TRY(core_.sessions.keep_answer(txn(), header.session, header.sequence, outcome_.result));
  return core_.sessions.touch(txn(), header.session, *session_, entry_.time);
}

// ---- Bodies. ----

Result<Step> ApplyTask::run_body(StepBudget& budget) {
  Status done;
  switch (parts_.kind) {
    case CommandKind::kPut: done = apply_put(); break;
    case CommandKind::kDeleteRange:
    case CommandKind::kTxn: return apply_txn(budget);
    case CommandKind::kCompact: done = apply_compact(); break;
    case CommandKind::kLeaseGrant: done = apply_grant(); break;
    case CommandKind::kLeaseRevoke: return apply_revoke(budget);
    case CommandKind::kLeaseKeepAlive: done = apply_keep_alive(); break;
    case CommandKind::kLeaseExpire: return apply_expire(budget);
    case CommandKind::kSessionOpen: done = apply_session_open(); break;
    case CommandKind::kSessionClose: done = apply_session_close(body<SessionCloseRequest>().id); break;
    case CommandKind::kSessionKeepAlive: done = apply_session_keep_alive(); break;
    case CommandKind::kSessionExpire: done = apply_session_expire(); break;
    case CommandKind::kAlarmRaise:
    case CommandKind::kAlarmClear: done = apply_alarm(); break;
  }
  TRY(std::move(done));
  return Step::kDone;
}

Status ApplyTask::apply_put() {
  std::optional<ApiError> refused;
  if (!core_.alarms.empty()) refused = ApiError::kNoSpace;
  if (!refused && (put_.lease != kNoLease || put_.ttl_ms != 0)) {
    TRY_ASSIGN(const std::optional<Lease> lease, core_.leases.find(view(), put_.lease));
    if (put_.ttl_ms != 0 && lease) refused = ApiError::kLeaseExists;
    if (put_.lease == kNoLease || (put_.ttl_ms == 0 && !lease)) refused = ApiError::kLeaseNotFound;
  }
  if (!refused && (put_.ignore_value || put_.ignore_lease)) {
    KeyEntry entry;
    TRY_ASSIGN(const bool found, core_.keys.find(view(), put_.key, entry, false));
    if (!found || entry.tombstone) refused = ApiError::kKeyNotFound;
  }
  if (!refused) return writer_.put(put_, outcome_.result.one_of.emplace<PutResponse>());
  refuse(api_error(*refused));
  return {};
}

Result<Step> ApplyTask::apply_txn(StepBudget& budget) {
  if (!txn_apply_) {
    if (parts_.kind == CommandKind::kDeleteRange) {
      // The same work as a transaction with this one operation.
      TxnRequest wrapped;
      wrapped.success.push_back({body<DeleteRangeRequest>()});
      body_ = std::move(wrapped);
    }
    auto& txn_request = body<TxnRequest>();
    if (!core_.alarms.empty() && has_puts(txn_request)) {
      refuse(api_error(ApiError::kNoSpace));
      return Step::kDone;
    }
    txn_apply_.emplace(writer_, txn_request, outcome_.result.one_of.emplace<TxnResponse>());
  }
  auto step = txn_apply_->step(budget);
  missing_ = txn_apply_->missing();
  if (!step.ok() || *step != Step::kDone) return step;
  if (txn_apply_->refused()) {
    refuse(*txn_apply_->refused());
  } else if (parts_.kind == CommandKind::kDeleteRange) {
    auto& nested = std::get<TxnResponse>(outcome_.result.one_of).responses.at(0);
    auto answer = std::move(std::get<DeleteRangeResponse>(nested.one_of));
    outcome_.result.one_of = std::move(answer);
  }
  return Step::kDone;
}

Status ApplyTask::apply_compact() {
  const auto& compact = body<CompactRequest>();
  StoreState& state = core_.working;
  if (compact.revision <= state.floor) {
    refuse(compacted_error(state.floor));
    return {};
  }
  if (compact.revision > state.revision) {
    refuse(api_error(ApiError::kFutureRevision));
    return {};
  }
  TRY(core_.meta.put_floor(txn(), compact.revision));
  state.floor = compact.revision;
  if (compact.physical) outcome_.physical_revision = compact.revision;
  outcome_.result.one_of.emplace<CompactResponse>();
  return {};
}

Status ApplyTask::apply_grant() {
  const auto& grant = body<LeaseGrantRequest>();
  TRY_ASSIGN(const std::optional<Lease> lease, core_.leases.find(view(), grant.id));
  if (!core_.alarms.empty()) {
    refuse(api_error(ApiError::kNoSpace));
  } else if (grant.id == kNoLease) {
    refuse(api_error(ApiError::kLeaseNotFound));
  } else if (lease) {
    refuse(api_error(ApiError::kLeaseExists));
  } else {
    TRY(writer_.grant(grant.id, grant.ttl_ms));
    outcome_.result.one_of.emplace<LeaseGrantResponse>(LeaseGrantResponse{0, grant.id, grant.ttl_ms});
  }
  return {};
}

Result<bool> ApplyTask::revoke_lease(LeaseId id, const Lease& lease, StepBudget& budget) {
  for (;;) {
    // Deleting a key detaches it, so the first one left is always the next.
    TRY_ASSIGN(const std::optional<std::string> key, core_.leases.first_key(view(), id, missing_));
    if (!key) break;
    const Result<bool> erased = writer_.erase(*key, nullptr);
    missing_ = txn().missing();
    if (!erased.ok()) return erased.error();
    if (!*erased) return Error(ErrorCode::kDataLoss, "a lease has a key that doesn't exist");
    if (budget.spent()) return false;
  }
  const Status removed = core_.leases.remove(txn(), id, lease);
  missing_ = txn().missing();
  TRY(removed);
  return true;
}

Result<Step> ApplyTask::apply_revoke(StepBudget& budget) {
  const LeaseId id = body<LeaseRevokeRequest>().id;
  auto lease = core_.leases.find(view(), id);
  missing_ = txn().missing();
  if (!lease.ok()) return lease.error();
  if (!*lease) {
    // Of a lease that is half gone `l` goes last, so this is only met at the beginning.
    refuse(api_error(ApiError::kLeaseNotFound));
    return Step::kDone;
  }
  TRY_ASSIGN(const bool gone, revoke_lease(id, **lease, budget));
  if (!gone) return Step::kYield;
  outcome_.result.one_of.emplace<LeaseRevokeResponse>();
  return Step::kDone;
}

Status ApplyTask::apply_keep_alive() {
  LeaseKeepAliveResponse response;
  for (const LeaseId id : body<LeaseKeepAliveRequest>().ids) {
    TRY_ASSIGN(const std::optional<Lease> lease, core_.leases.find(view(), id));
    response.ttls_ms.push_back(lease ? lease->ttl_ms : 0);
    if (lease) TRY(core_.leases.extend(txn(), id, *lease, deadline_after(entry_.time, lease->ttl_ms)));
  }
  outcome_.result.one_of = std::move(response);
  return {};
}

// Each lease that has really ended takes a revision of its own, as revokes one by one would.
Result<Step> ApplyTask::apply_expire(StepBudget& budget) {
  const auto& expire = body<LeaseExpireCommand>();
  const bool valid = expire.term == entry_.term;
  for (; valid && at_ < expire.ids.size(); ++at_) {
    auto lease = core_.leases.find(view(), expire.ids[at_]);
    missing_ = txn().missing();
    if (!lease.ok()) return lease.error();
    if (!*lease || (*lease)->deadline > entry_.time) continue;
    TRY_ASSIGN(const bool gone, revoke_lease(expire.ids[at_], **lease, budget));
    if (!gone) return Step::kYield;
    writer_.end_revision();
  }
  outcome_.result.one_of.emplace<EmptyResponse>();
  return Step::kDone;
}

Status ApplyTask::apply_session_open() {
  const auto& open = body<SessionOpenRequest>();
  TRY_ASSIGN(const std::optional<Session> existing, core_.sessions.find(view(), open.id));
  if (existing || open.id == SessionId{}) {
    refuse(api_error(ApiError::kSessionExpired));
    return {};
  }
  Session session;
  session.ttl_ms = open.ttl_ms;
  session.window = open.window;
  session.last_time = entry_.time;
  TRY(core_.sessions.add(txn(), open.id, session));
  outcome_.result.one_of.emplace<SessionOpenResponse>(SessionOpenResponse{0, open.id});
  return {};
}

Status ApplyTask::apply_session_close(SessionId id) {
  TRY_ASSIGN(const std::optional<Session> session, core_.sessions.find(view(), id));
  if (!session) {
    refuse(api_error(ApiError::kSessionExpired));
    return {};
  }
  TRY(core_.sessions.remove(txn(), id, *session));
  outcome_.result.one_of.emplace<EmptyResponse>();
  return {};
}

Status ApplyTask::apply_session_keep_alive() {
  for (const SessionId id : body<SessionKeepAliveRequest>().ids) {
    TRY_ASSIGN(std::optional<Session> session, core_.sessions.find(view(), id));
    if (session) TRY(core_.sessions.touch(txn(), id, *session, entry_.time));
  }
  outcome_.result.one_of.emplace<EmptyResponse>();
  return {};
}

Status ApplyTask::apply_session_expire() {
  const auto& expire = body<SessionExpireCommand>();
  for (const SessionId id : expire.ids) {
    TRY_ASSIGN(const std::optional<Session> session, core_.sessions.find(view(), id));
    if (session && expire.term == entry_.term && session->deadline() <= entry_.time)
      TRY(core_.sessions.remove(txn(), id, *session));
  }
  outcome_.result.one_of.emplace<EmptyResponse>();
  return {};
}

Status ApplyTask::apply_alarm() {
  if (const auto* raise = std::get_if<AlarmRaiseCommand>(&body_)) {
    TRY(core_.meta.put_alarm(txn(), raise->member, raise->cause));
    core_.alarms.emplace(raise->member, raise->cause);
  } else {
    const auto& clear = body<AlarmClearCommand>();
    TRY(core_.meta.erase_alarm(txn(), clear.member, clear.cause));
    core_.alarms.erase({clear.member, clear.cause});
  }
  outcome_.result.one_of.emplace<EmptyResponse>();
  return {};
}

}  // namespace revd

#include "server/node/solo_consensus.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/strings.h"
#include "mvcc/command/errors.h"
#include "mvcc/configuration.h"

namespace revd {

SoloConsensus::SoloConsensus(Env& env, wal::Wal& log, LogTime last_time, ConsensusListener& listener)
    : env_(env),
      log_(log),
      listener_(listener),
      commit_index_(log.last_index()),
      time_base_(last_time),
      last_time_(last_time),
      time_started_(env.clock.now()),
      last_entry_(time_started_) {}

SoloConsensus::~SoloConsensus() { *alive_ = false; }

void SoloConsensus::start() {
  term_ = std::max(log_.hard_state().term, log_.last_term()).next();
  log_.save_hard_state(term_, log_.identity().node, [this, alive = alive_](const Status& saved) {
    if (!*alive) return;
    if (!saved.ok()) return fail(saved.error());
    begin_term();
  });
}

void SoloConsensus::begin_term() {
  if (log_.last_index() < log_.first_index()) {  // a new log has no entry yet
    const GroupConfiguration group{log_.identity().cluster, {{log_.identity().node, env_.random.uuid()}}};
    const auto first = append(LogEntryType::kConfiguration, encode_configuration(group));
    if (!first.ok()) return fail(first.error());
  }
  const auto noop = append(LogEntryType::kNoop, {});
  if (!noop.ok()) return fail(noop.error());
  first_of_term_ = *noop;
}

LogTime SoloConsensus::log_now() const {
  return std::max(last_time_, LogTime(time_base_.value() + (env_.clock.now() - time_started_).count()));
}

Result<LogIndex> SoloConsensus::propose(LogEntryType type, std::string payload) {
  if (failed_) return api_error(ApiError::kStopped);
  if (!leading_) return api_error(ApiError::kNoLeader);
  return append(type, std::move(payload));
}

Result<LogIndex> SoloConsensus::append(LogEntryType type, std::string payload) {
  if (payload.size() > log_.max_entry_payload()) return api_error(ApiError::kRequestTooLarge);
  const LogIndex index = log_.last_index().next();
  Kept& kept = kept_[index];
  kept.payload = std::move(payload);
  kept.entry = {type, term_, index, log_now(), as_bytes(kept.payload)};
  const auto appended =
      log_.append({&kept.entry, 1}, [this, index, alive = alive_](const Result<AppendToken>& token) {
        if (*alive) on_durable(index, token);
      });
  if (!appended.ok()) {
    kept_.erase(index);
    if (appended.error().code() == ErrorCode::kResourceExhausted)
      return api_error(ApiError::kTooManyRequests);
    return appended.error();
  }
  last_time_ = kept.entry.time;
  last_entry_ = env_.clock.now();
  return index;
}

void SoloConsensus::on_durable(LogIndex index, const Result<AppendToken>& token) {
  if (failed_) return;
  if (!token.ok()) return fail(token.error());
  commit_index_ = index;
  log_.note_commit(index);
  listener_.committed(kept_.at(index).entry);
  if (index != first_of_term_) return;
  leading_ = true;
  listener_.leading();
}

void SoloConsensus::fail(const Error& error) {
  if (std::exchange(failed_, true)) return;
  leading_ = false;
  listener_.failed(error);
}

// Nobody else can have acknowledged anything: what is committed here is all there is.
void SoloConsensus::read_barrier(BarrierDone done) {
  if (failed_) return done(api_error(ApiError::kStopped));
  if (!leading_) return done(api_error(ApiError::kNoLeader));
  done(commit_index_);
}

void SoloConsensus::entry_applied(LogIndex index) { kept_.erase(index); }

ConsensusState SoloConsensus::state() const {
  return {.term = term_,
          .leader = leading_ ? log_.identity().node : NodeId{},
          .leading = leading_,
          .last_index = log_.last_index(),
          .commit_index = commit_index_,
          .last_entry = last_entry_};
}

}  // namespace revd

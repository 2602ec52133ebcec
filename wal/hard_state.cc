#include "wal/hard_state.h"

#include "base/mutant.h"

namespace revd::wal {

HardStateStore::HardStateStore(Core& core, const FileHandle (&files)[2], const HardStateCopy& copy)
    : core_(core),
      files_{files[0], files[1]},
      sequence_(copy.sequence),
      durable_(copy.state),
      wanted_(copy.state),
      writing_(copy.state),
      block_(kBlockBytes),
      write_(core, [this](const Status& status) { on_written(status); }) {}

HardStateStore::~HardStateStore() {
  if (!core_.idle()) return;  // executor and disk have ended, and the files with them
  for (const FileHandle file : files_) static_cast<void>(close_file(core_.env.disk, file));
}

void HardStateStore::save(Term term, NodeId vote, LogIndex commit, StatusDone done) {
  const bool vote_stays = wanted_.vote == NodeId() || vote == wanted_.vote;
  CHECK_MSG(term > wanted_.term || (term == wanted_.term && vote_stays), "term or vote would go back");
  wanted_ = {.term = term, .vote = vote, .commit = std::max(commit, wanted_.commit)};
  if (MUTANT(ReleaseBeforeHardState))
    core_.post([call = std::exchange(done, [](auto&) {})]() mutable { call({}); });
  waiting_.push_back(std::move(done));
  if (!write_.running()) start();
}

void HardStateStore::start() {
  called_back_.swap(waiting_);
  writing_ = wanted_;
  copy_ = 0;
  encode_hard_state({.log = core_.identity.log, .sequence = ++sequence_, .state = writing_}, block_.span());
  write_.start(files_[0], 0, block_.span());
}

void HardStateStore::on_written(const Status& status) {
  if (!status.ok()) core_.fail(status.error());
  if (core_.failure()) return;
  if (copy_ == 0) {
    copy_ = 1;
    return write_.start(files_[1], 0, block_.span());
  }
  durable_ = writing_;
  std::vector<StatusDone> callbacks;
  callbacks.swap(called_back_);
  if (!waiting_.empty()) start();
  call(callbacks, {});
}

void HardStateStore::call(std::vector<StatusDone>& callbacks, const Status& status) {
  for (StatusDone& done : callbacks) done(status);
  callbacks.clear();
}

void HardStateStore::fail_pending() {
  std::vector<StatusDone> callbacks;
  callbacks.swap(called_back_);
  for (StatusDone& done : waiting_) callbacks.push_back(std::move(done));
  waiting_.clear();
  call(callbacks, *core_.failure());
}

}  // namespace revd::wal

#include "mvcc/compactor.h"

#include <algorithm>

namespace revd {

Result<CompactionMode> parse_compaction_mode(std::string_view name) {
  for (const CompactionMode mode :
       {CompactionMode::kOff, CompactionMode::kPeriodic, CompactionMode::kRevision})
    if (compaction_mode_name(mode) == name) return mode;
  return Error(ErrorCode::kInvalidArgument, "compaction mode must be off, periodic or revision");
}

std::string_view compaction_mode_name(CompactionMode mode) {
  switch (mode) {
    case CompactionMode::kOff: return "off";
    case CompactionMode::kPeriodic: return "periodic";
    case CompactionMode::kRevision: return "revision";
  }
  return "unknown";
}

std::optional<int64_t> Compactor::tick(Instant now, int64_t current_revision, int64_t compact_revision) {
  if (options_.mode == CompactionMode::kOff) return std::nullopt;
  if (last_ && now - *last_ < options_.period) return std::nullopt;
  last_ = now;
  int64_t target = current_revision - options_.keep_revisions;
  if (options_.mode == CompactionMode::kPeriodic) {
    // The newest revision that is old enough for everything before it to go.
    samples_.push_back({now, current_revision});
    while (samples_.size() > 1 && now - samples_[1].time >= options_.keep_time) samples_.pop_front();
    if (now - samples_.front().time < options_.keep_time) return std::nullopt;
    target = samples_.front().revision;
  }
  if (target <= std::max(compact_revision, kFirstKept)) return std::nullopt;
  return target;
}

void Compactor::reset() {
  last_.reset();
  samples_.clear();
}

}  // namespace revd

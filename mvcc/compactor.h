// Compactor: decides when to compact, and up to where (mvcc rule 21).
//
// A policy without a clock or a timer of its own: whoever leads calls tick() from time to time and
// proposes what it answers; apply knows nothing of it. A plain object, reactor thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace revd {

enum class CompactionMode : uint8_t {
  kOff,
  kPeriodic,  // keep the last `keep_time` of history
  kRevision,  // keep the last `keep_revisions`
};

struct CompactorOptions {
  CompactionMode mode = CompactionMode::kPeriodic;
  Duration period = std::chrono::minutes(10);  // between two compactions
  Duration keep_time = std::chrono::hours(1);
  int64_t keep_revisions = 10'000;
};

// "off", "periodic" or "revision"; kInvalidArgument names the allowed ones.
Result<CompactionMode> parse_compaction_mode(std::string_view name);
std::string_view compaction_mode_name(CompactionMode mode);

class Compactor {
 public:
  explicit Compactor(const CompactorOptions& options) : options_(options) {}

  // The revision to compact at, if it is time and there is one above `compact_revision`. To be called at
  // least once a period; the history before the first call counts as new.
  std::optional<int64_t> tick(Instant now, int64_t current_revision, int64_t compact_revision);
  // Somebody else led meanwhile, or nobody: what was noted about the past is forgotten.
  void reset();
  const CompactorOptions& options() const { return options_; }

 private:
  static constexpr int64_t kFirstKept = 1;  // an empty store's revision: nothing to compact there
  struct Sample {
    Instant time;
    int64_t revision;
  };

  CompactorOptions options_;
  std::optional<Instant> last_;  // when a period ended last
  std::deque<Sample> samples_;   // one a period, oldest first
};

}  // namespace revd

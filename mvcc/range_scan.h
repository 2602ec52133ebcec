// RangeScan: the work of one range request at one revision, cut into steps (mvcc rules 9 to 13).
//
// It keeps only its position between steps, so each may look at a newer version of the trees: entries
// newer than the revision lead to their past. Thread rule: the reactor thread. Borrows the two trees'
// accessors and the request, which outlive it. Errors: the trees' (trees.h).
// Limits: an order that isn't ascending keys takes memory for each match: its key and numbers (and its
// value if that is what is sorted by).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mvcc/command/key_range.h"
#include "mvcc/command/requests.h"
#include "mvcc/command/responses.h"
#include "mvcc/key_index.h"
#include "mvcc/revision_log.h"
#include "mvcc/step.h"

namespace revd {

// As a revision to read at: whatever the view has, a transaction's own changes included.
inline constexpr int64_t kLatest = INT64_MAX;

class RangeScan {
 public:
  RangeScan(KeyIndex& keys, RevisionLog& revisions, const RangeRequest& request, int64_t revision);

  // Appends to response.kvs; count and more are set when kDone. kYield: the budget is spent, or
  // `page_bytes` of key-values are there. kWouldBlock comes as an error: load missing().
  Result<Step> step(ReadView view, int64_t floor, StepBudget& budget, uint64_t page_bytes,
                    RangeResponse& response);
  const PageRequest& missing() const { return missing_; }
  // Keys looked at so far.
  uint64_t visited() const { return visited_; }

 private:
  struct Candidate {
    std::string key;
    std::string text;    // sorted by value
    int64_t number = 0;  // sorted by anything else but the key
    KeyState state;
  };

  Result<Step> scan(ReadView view, int64_t floor, StepBudget& budget, RangeResponse& response);
  Status visit(ReadView view, int64_t floor, std::string_view key, RangeResponse& response);
  Status add_candidate(ReadView view, std::string_view key, const KeyState& state);
  Status append(ReadView view, std::string_view key, const KeyState& state, RangeResponse& response);
  Result<Step> emit_sorted(ReadView view, StepBudget& budget, RangeResponse& response);
  bool passes_filters(const KeyState& state) const;
  bool comes_later(const Candidate& a, const Candidate& b) const;
  bool page_full() const { return page_used_ >= page_bytes_; }

  KeyIndex& keys_;
  RevisionLog& revisions_;
  const RangeRequest& request_;
  KeyRange range_;
  int64_t revision_;
  bool filtered_;
  bool sorted_;
  int64_t limit_;           // of key-values in the answer
  int64_t candidates_max_;  // of what is sorted
  bool scanned_ = false;
  std::string position_;  // the first key not visited
  int64_t count_ = 0;     // matches
  int64_t passed_ = 0;    // matches that pass the filters
  int64_t emitted_ = 0;
  uint64_t visited_ = 0;
  uint64_t page_bytes_ = UINT64_MAX;
  uint64_t page_used_ = 0;
  std::vector<Candidate> heap_;
  KeyEntry entry_;
  RecordBuffer record_;
  PageRequest missing_;
};

}  // namespace revd

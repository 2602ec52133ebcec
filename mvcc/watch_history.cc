// A stream's lane: watches that are behind go through the revision tree together.
#include <algorithm>
#include <utility>

#include "mvcc/watch_internal.h"

namespace revd {

bool WatchStream::Impl::throttled() const { return queued_bytes >= hub->options.history_bytes_max; }

bool WatchStream::Impl::lane_runnable() const {
  if (loading) return false;
  if (!prev.events.empty()) return true;
  const bool wanted = !waiting.empty() || (!readers.empty() && !at_end);
  return wanted && !throttled();
}

Step WatchStream::Impl::run_lane(StepBudget& budget, PageRequest& missing) {
  if (!prev.events.empty()) {
    const Step step = hub->read_prevs(prev, budget, missing);
    if (step != Step::kDone) return step;
  }
  if (throttled()) return Step::kYield;
  begin_pass();
  if (position.main < hub->store.compact_revision()) end_compacted(hub->store.compact_revision());
  if (readers.empty()) return Step::kDone;
  auto step = read_history(budget, missing);
  if (!step.ok() && would_block(step.error())) return Step::kBlocked;
  if (!step.ok()) {
    end_all(step.error());
    return Step::kDone;
  }
  if (*step == Step::kDone) end_pass();
  return *step;
}

// Those who wait join if the lane hasn't passed the place where they go on; else at the next pass.
void WatchStream::Impl::begin_pass() {
  if (!waiting.empty() && (readers.empty() || at_end)) {
    // Readers that wait for what isn't published yet have got everything up to here.
    for (const auto& [n, watch] : readers) watch->next = std::max(watch->next, position);
    position = waiting.begin()->second->next;
    for (const auto& [n, watch] : waiting) position = std::min(position, watch->next);
    at_end = false;
    revision_events = 0;
    revision_bytes = 0;
    cuttable = false;
  }
  for (auto at = waiting.begin(); at != waiting.end();) {
    HubWatch& watch = *at->second;
    if (watch.next < position) {
      ++at;
      continue;
    }
    at = waiting.erase(at);
    watch.place = HubWatch::Place::kReading;
    readers.emplace(watch.number, &watch);
    reading.insert(watch.range(), watch);
  }
}

// Everything published was read: the readers are in step, unless something is applied that can't be read.
void WatchStream::Impl::end_pass() {
  at_end = true;
  if (hub->core().has_unpublished()) return;
  const Revision next{hub->store.current_revision() + 1, 0};
  while (!readers.empty()) {
    HubWatch& watch = *readers.begin()->second;
    leave_place(watch);
    watch.next = std::max(watch.next, next);
    watch.place = HubWatch::Place::kInStep;
    hub->index.insert(watch.range(), watch);
  }
}

void WatchStream::Impl::end_compacted(int64_t floor) {
  const Revision first{floor, 0};
  for (auto at = readers.begin(); at != readers.end();) {
    HubWatch& watch = *(at++)->second;
    if (std::max(watch.next, position) >= first) continue;
    end(watch, {}, floor);
  }
  position = std::max(position, first);
}

// The tree can't be read where the lane stands.
void WatchStream::Impl::end_all(const Error& error) {
  hub->env.logger.error("mvcc", "watches ended", {{"error", error.describe()}});
  for (const auto& shared : prev.events) {
    shared->failure = error.text();
    shared->complete = true;
  }
  prev.events.clear();
  while (!readers.empty()) end(*readers.begin()->second, error.text(), 0);
}

Result<Step> WatchStream::Impl::read_history(StepBudget& budget, PageRequest& missing) {
  StoreCore& core = hub->core();
  const int64_t published = hub->store.current_revision();
  Snapshot snapshot = hub->backend.snapshot();
  const ReadView view(snapshot, ReadMode::kNonBlocking);
  TRY_ASSIGN(Cursor cursor, ReadView(view).cursor(core.trees.revisions));
  Status moved = cursor.seek(RevisionKey(position).view());
  if (std::exchange(cut_revision, false)) {
    revision_bytes = 0;
    cuttable = false;
  }
  while (moved.ok() && cursor.valid()) {
    TRY_ASSIGN(const ParsedRevisionKey key, parse_revision_key(cursor.key()));
    if (key.at.main > published) break;
    if (!key.rest) {
      if (key.at.main != position.main) {
        revision_events = 0;
        revision_bytes = 0;
        cuttable = false;
      }
      position = key.at;
      cut_revision = cuttable && revision_bytes >= hub->options.history_bytes_max;
      const bool full = throttled() && (revision_events == 0 || cut_revision);
      if (budget.spent() || full) return Step::kYield;
      const Status loaded = core.revisions.load(view, key.at, record);
      missing = view.missing();
      TRY(loaded);
      feed(record.record(), key.at);
      ++position.sub;
    }
    moved = cursor.next();
  }
  missing = cursor.missing();
  TRY(std::move(moved));
  position = std::max(position, Revision{published + 1, 0});
  return Step::kDone;
}

void WatchStream::Impl::feed(const Record& change, const Revision& at) {
  std::shared_ptr<SharedEvent> plain;
  std::shared_ptr<SharedEvent> with_prev;
  const Change told{.at = at,
                    .tombstone = change.tombstone,
                    .key = change.key,
                    .value = change.value,
                    .create = change.create,
                    .version = change.version,
                    .lease = change.lease};
  reading.match(change.key, [&](WatchTarget& target) {
    HubWatch& watch = static_cast<HubWatch&>(target);
    if (at < watch.next || !watch.wants(change.tombstone)) return;
    std::shared_ptr<SharedEvent>& shared = watch.request.prev_kv ? with_prev : plain;
    if (!shared) {
      shared = make_shared_event(told, watch.request.prev_kv);
      if (!shared->complete) prev.events.push_back(shared);
    }
    cuttable = cuttable || (!watch.queue.empty() && watch.queue.back().at.main == at.main);
    enqueue(watch, shared, at);
    ++revision_events;
    revision_bytes += event_bytes(told);
  });
}

}  // namespace revd

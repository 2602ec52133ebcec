// Inside the watches: one watch, one stream's lane, and what the hub shares with them.
//
// Internal to mvcc/watch_*.cc. A watch is in one of three places: in step (in the hub's index, told by
// on_change), reading (in its stream's index, fed from R at the lane's position), or waiting for the lane's
// next pass (or it has ended, and only its last words are left). Invariants: a queue is in order of revision;
// everything before `next` is in the queue or was handed out; no watch is in two indexes.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "mvcc/watch_hub.h"
#include "mvcc/watch_index.h"

namespace revd {

// An event that watches share; those with prev_kv share another one than those without.
struct SharedEvent {
  Event event;
  std::string failure;   // why prev_kv could not be read
  bool complete = true;  // prev_kv isn't wanted, or is there
};

struct QueuedEvent {
  std::shared_ptr<const SharedEvent> shared;
  Revision at;
  size_t bytes = 0;
};

struct HubWatch : WatchTarget {
  enum class Place : uint8_t { kInStep, kReading, kWaiting, kEnded };

  WatchCreateRequest request;
  WatchId id;
  WatchStream::Impl* stream = nullptr;
  Place place = Place::kWaiting;
  Revision next;  // the first change that isn't queued yet
  std::deque<QueuedEvent> queue;
  size_t queued_bytes = 0;
  bool progress_due = false;
  bool told = false;        // got events since the last sign of progress
  WatchResponse last_word;  // of an ended one: handed out after the queue; then the watch is gone

  KeyRange range() const { return KeyRange::of_watch(request.key, request.range_end); }
  bool wants(bool tombstone) const { return tombstone ? !request.no_delete : !request.no_put; }
};

// Reads the prev_kvs of events, one after the other.
struct PrevReader {
  std::deque<std::shared_ptr<SharedEvent>> events;
  bool loading = false;
  RecordBuffer record;
  KeyEntry entry;
};

struct WatchStream::Impl {
  WatchHub::Impl* hub = nullptr;
  uint64_t number = 0;
  std::function<void()> on_ready;
  bool signalled = false;  // on_ready was called, and next() hasn't come to an end since
  std::map<WatchId, std::unique_ptr<HubWatch>> watches;
  std::map<uint64_t, HubWatch*> talking;  // with something in the queue, or last words; by number
  std::deque<WatchResponse> control;
  int64_t next_id = 0;
  uint64_t last_served = 0;
  size_t queued_bytes = 0;
  bool progress_requested = false;

  // The lane: readers share one way through R.
  std::map<uint64_t, HubWatch*> readers;
  std::map<uint64_t, HubWatch*> waiting;
  WatchIndex reading;
  Revision position;          // of the next record to be read
  bool cut_revision = false;  // it stopped within a revision that is too large to be kept whole
  bool at_end = false;        // everything published was read; what isn't yet is waited for
  bool loading = false;
  uint64_t revision_events = 0;  // queued of the revision at `position`
  size_t revision_bytes = 0;     // the same, since the last cut
  bool cuttable = false;         // some watch has more than one of them
  PrevReader prev;
  RecordBuffer record;

  void place_new(HubWatch& watch);
  void forget(HubWatch& watch);  // takes it out of every place and destroys it
  void leave_place(HubWatch& watch);
  // The watch gets no more events; it says why after those of whole revisions that it has.
  void end(HubWatch& watch, std::string reason, int64_t compact_revision);
  void drop_queue(HubWatch& watch);
  void enqueue(HubWatch& watch, std::shared_ptr<const SharedEvent> shared, const Revision& at);
  std::optional<WatchResponse> take(HubWatch& watch);
  bool in_step() const;
  bool revision_complete(const HubWatch& watch, int64_t main) const;

  bool lane_runnable() const;
  bool throttled() const;
  Step run_lane(StepBudget& budget, PageRequest& missing);
  void begin_pass();
  void end_pass();
  void end_compacted(int64_t floor);
  void end_all(const Error& error);
  Result<Step> read_history(StepBudget& budget, PageRequest& missing);
  void feed(const Record& record, const Revision& at);
};

struct WatchHub::Impl {
  Env& env;
  Backend& backend;
  MvccStore& store;
  WatchOptions options;
  std::map<uint64_t, WatchStream::Impl*> streams;
  WatchIndex index;
  PrevReader prev;
  std::vector<HubWatch*> overflowed;  // by the change being told
  uint64_t last_number = 0;
  uint64_t last_lane = 0;
  uint64_t queues_dropped = 0;
  bool scheduled = false;
  Timer progress_timer;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);

  Impl(Env& e, Backend& b, MvccStore& s, const WatchOptions& o)
      : env(e), backend(b), store(s), options(o), progress_timer(e.executor) {}

  StoreCore& core() { return store.core(); }
  void schedule();
  void pump();
  void signal();
  void tell_progress();
  void loaded_for(uint64_t stream_number, const Status& loaded);
  WatchStream::Impl* next_lane();
  // kBlocked: `missing` must be loaded.
  Step read_prevs(PrevReader& reader, StepBudget& budget, PageRequest& missing);
  Status read_prev(PrevReader& reader, Event& event, Snapshot& snapshot, PageRequest& missing);
};

// Makes the event of one change; `with_prev` leaves it to a PrevReader to complete.
std::shared_ptr<SharedEvent> make_shared_event(const Change& change, bool with_prev);
size_t event_bytes(const Change& change);

}  // namespace revd

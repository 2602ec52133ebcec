#include "mvcc/watch_hub.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "mvcc/watch_internal.h"

namespace revd {

std::shared_ptr<SharedEvent> make_shared_event(const Change& change, bool with_prev) {
  auto shared = std::make_shared<SharedEvent>();
  shared->complete = !with_prev;
  Event& event = shared->event;
  event.type = change.tombstone ? EventType::kDelete : EventType::kPut;
  event.kv.key = change.key;
  event.kv.mod_revision = change.at.main;
  if (change.tombstone) return shared;
  event.kv.create_revision = change.create;
  event.kv.version = change.version;
  event.kv.value = change.value;
  event.kv.lease = change.lease;
  return shared;
}

size_t event_bytes(const Change& change) { return change.key.size() + change.value.size() + 64; }

WatchHub::WatchHub(Env& env, Backend& backend, MvccStore& store, const WatchOptions& options)
    : impl_(std::make_unique<Impl>(env, backend, store, options)) {
  store.set_listener(this);
  impl_->progress_timer.start(options.progress_interval, [this] { impl_->tell_progress(); });
}

WatchHub::~WatchHub() {
  CHECK(impl_->streams.empty());
  *impl_->alive = false;
  impl_->store.set_listener(nullptr);
}

// ---- What apply tells. ----

void WatchHub::on_change(const Change& change) {
  Impl& hub = *impl_;
  if (hub.index.empty()) return;
  std::shared_ptr<SharedEvent> plain;
  std::shared_ptr<SharedEvent> with_prev;
  hub.index.match(change.key, [&](WatchTarget& target) {
    HubWatch& watch = static_cast<HubWatch&>(target);
    if (change.at.main < watch.next.main || !watch.wants(change.tombstone)) return;
    std::shared_ptr<SharedEvent>& shared = watch.request.prev_kv ? with_prev : plain;
    if (!shared) {
      shared = make_shared_event(change, watch.request.prev_kv);
      if (!shared->complete) hub.prev.events.push_back(shared);
    }
    watch.stream->enqueue(watch, shared, change.at);
    if (watch.queued_bytes > hub.options.queue_bytes_max) hub.overflowed.push_back(&watch);
  });
  for (HubWatch* watch : hub.overflowed) {
    // It goes on from history, at the first change that it hasn't been given.
    WatchStream::Impl& stream = *watch->stream;
    stream.leave_place(*watch);
    watch->next = watch->queue.front().at;
    stream.drop_queue(*watch);
    watch->place = HubWatch::Place::kWaiting;
    stream.waiting.emplace(watch->number, watch);
    ++hub.queues_dropped;
  }
  hub.overflowed.clear();
}

void WatchHub::on_published() {
  if (impl_->streams.empty() && impl_->prev.events.empty()) return;
  for (auto& [number, stream] : impl_->streams) stream->at_end = false;
  impl_->schedule();
}

// ---- Work in the background: lanes, prev_kvs, signals. ----

void WatchHub::Impl::schedule() {
  if (scheduled) return;
  scheduled = true;
  env.executor.post([this, token = alive] {
    if (!*token) return;
    scheduled = false;
    pump();
  });
}

void WatchHub::Impl::pump() {
  StepBudget budget(env.clock);
  PageRequest missing;
  const auto load = [this](const PageRequest& page, uint64_t stream_number) {
    backend.load(page, [this, token = alive, stream_number](const Status& loaded) {
      if (!*token) return;
      loaded_for(stream_number, loaded);
    });
  };
  bool more = false;
  if (!prev.loading && !prev.events.empty()) {
    const Step step = read_prevs(prev, budget, missing);
    more = step == Step::kYield;
    prev.loading = step == Step::kBlocked;
    if (prev.loading) load(missing, 0);
  }
  if (WatchStream::Impl* lane = next_lane(); lane != nullptr) {
    last_lane = lane->number;
    if (lane->run_lane(budget, missing) == Step::kBlocked) {
      lane->loading = true;
      load(missing, lane->number);
    }
    more = true;
  }
  const std::shared_ptr<bool> token = alive;
  signal();
  if (*token && more) schedule();
}

// A page has been read for a stream's lane, or (0) for the changes of the present.
void WatchHub::Impl::loaded_for(uint64_t stream_number, const Status& loaded) {
  const bool failed = !loaded.ok() && loaded.error().code() != ErrorCode::kResourceExhausted;
  const auto stream = streams.find(stream_number);
  if (stream_number == 0) {
    prev.loading = false;
    if (failed && !prev.events.empty()) {
      prev.events.front()->failure = loaded.error().text();
      prev.events.front()->complete = true;
      prev.events.pop_front();
    }
  } else if (stream != streams.end()) {
    stream->second->loading = false;
    if (failed) stream->second->end_all(loaded.error());
  }
  schedule();
}

// Lanes take turns.
WatchStream::Impl* WatchHub::Impl::next_lane() {
  const auto first = streams.upper_bound(last_lane);
  for (auto at = first; at != streams.end(); ++at)
    if (at->second->lane_runnable()) return at->second;
  for (auto at = streams.begin(); at != first; ++at)
    if (at->second->lane_runnable()) return at->second;
  return nullptr;
}

void WatchHub::Impl::signal() {
  std::vector<uint64_t> ready;
  for (const auto& [number, stream] : streams) {
    const bool news = !stream->control.empty() || !stream->talking.empty() || stream->progress_requested;
    if (news && !stream->signalled) ready.push_back(number);
  }
  const std::shared_ptr<bool> token = alive;
  for (const uint64_t number : ready) {
    // A callback may destroy any stream, or the hub.
    if (!*token) return;
    const auto at = streams.find(number);
    if (at == streams.end()) continue;
    at->second->signalled = true;
    if (const auto on_ready = at->second->on_ready) on_ready();
  }
}

Step WatchHub::Impl::read_prevs(PrevReader& reader, StepBudget& budget, PageRequest& missing) {
  Snapshot snapshot = backend.snapshot();
  while (!reader.events.empty()) {
    if (budget.spent()) return Step::kYield;
    SharedEvent& shared = *reader.events.front();
    // What nobody waits for any more isn't read.
    if (reader.events.front().use_count() > 1) {
      // Not published yet: neither is what comes after it.
      if (shared.event.kv.mod_revision > store.current_revision()) return Step::kDone;
      const Status read = read_prev(reader, shared.event, snapshot, missing);
      if (!read.ok() && would_block(read.error())) return Step::kBlocked;
      if (!read.ok()) shared.failure = read.error().text();
    }
    shared.complete = true;
    reader.events.pop_front();
  }
  return Step::kDone;
}

Status WatchHub::Impl::read_prev(PrevReader& reader, Event& event, Snapshot& snapshot, PageRequest& missing) {
  const int64_t before = event.kv.mod_revision - 1;
  const int64_t floor = store.compact_revision();
  if (before < floor) return {};
  const ReadView view(snapshot, ReadMode::kNonBlocking);
  const auto read = [&]() -> Status {
    TRY_ASSIGN(const bool found, core().keys.find(view, event.kv.key, reader.entry));
    if (!found) return {};
    KeyState state;
    TRY_ASSIGN(const bool present,
               core().revisions.find_at(view, reader.entry, before, floor, state, reader.record));
    if (!present) return {};
    TRY(core().revisions.load(view, state.at, reader.record));
    event.prev_kv = reader.record.key_value();
    return {};
  };
  Status done = read();
  missing = view.missing();
  return done;
}

// ---- Progress and metrics. ----

void WatchHub::Impl::tell_progress() {
  for (auto& [number, stream] : streams) {
    for (auto& [id, watch] : stream->watches) {
      if (!watch->request.progress_notify || std::exchange(watch->told, false)) continue;
      watch->progress_due = true;
      stream->talking.emplace(watch->number, watch.get());
    }
  }
  progress_timer.start(options.progress_interval, [this] { tell_progress(); });
  schedule();
}

std::unique_ptr<WatchStream> WatchHub::open(std::function<void()> on_ready) {
  auto stream = std::make_unique<WatchStream::Impl>();
  stream->hub = impl_.get();
  stream->number = ++impl_->last_number;
  stream->on_ready = std::move(on_ready);
  impl_->streams.emplace(stream->number, stream.get());
  return std::unique_ptr<WatchStream>(new WatchStream(std::move(stream)));
}

bool WatchHub::idle() const {
  if (impl_->scheduled || !impl_->prev.events.empty()) return false;
  return std::ranges::none_of(
      impl_->streams, [](const auto& at) { return at.second->loading || at.second->lane_runnable(); });
}

WatchMetrics WatchHub::metrics() const {
  WatchMetrics metrics;
  metrics.streams = impl_->streams.size();
  metrics.queues_dropped = impl_->queues_dropped;
  const int64_t current = impl_->store.current_revision();
  for (const auto& [number, stream] : impl_->streams) {
    metrics.watches += stream->watches.size();
    metrics.behind += stream->readers.size() + stream->waiting.size();
    metrics.queued_bytes += stream->queued_bytes;
    for (const auto* group : {&stream->readers, &stream->waiting}) {
      for (const auto& [id, watch] : *group) {
        const int64_t at =
            group == &stream->readers ? std::max(watch->next, stream->position).main : watch->next.main;
        metrics.lag_revisions = std::max(metrics.lag_revisions, current + 1 - at);
      }
    }
  }
  return metrics;
}

}  // namespace revd

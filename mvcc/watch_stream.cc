// WatchStream: creating and ending watches, and pulling messages.
#include <algorithm>

#include "mvcc/command/errors.h"
#include "mvcc/watch_internal.h"

namespace revd {

WatchStream::WatchStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

WatchStream::~WatchStream() {
  while (!impl_->watches.empty()) impl_->forget(*impl_->watches.begin()->second);
  impl_->hub->streams.erase(impl_->number);
}

size_t WatchStream::watch_count() const { return impl_->watches.size(); }

// ---- Creating. ----

void WatchStream::create(const WatchCreateRequest& request) {
  Impl& s = *impl_;
  WatchResponse answer;
  answer.revision = s.hub->store.current_revision();
  answer.created = true;
  std::string_view reason;
  if (request.start_revision < 0)
    reason = kWatchStartNegative;
  else if (KeyRange::of_watch(request.key, request.range_end).empty())
    reason = kWatchRangeEmpty;
  else if (request.watch_id != WatchId{} && s.watches.contains(request.watch_id))
    reason = kWatchDuplicateId;
  s.hub->schedule();
  if (!reason.empty()) {
    answer.watch_id = kNoWatch;
    answer.canceled = true;
    answer.cancel_reason = reason;
    s.control.push_back(std::move(answer));
    return;
  }
  WatchId id = request.watch_id;
  if (id == WatchId{}) {
    while (s.watches.contains(WatchId(s.next_id))) ++s.next_id;
    id = WatchId(s.next_id++);
  }
  auto watch = std::make_unique<HubWatch>();
  watch->number = ++s.hub->last_number;
  watch->request = request;
  watch->id = id;
  watch->stream = &s;
  watch->next = {request.start_revision > 0 ? request.start_revision : answer.revision + 1, 0};
  s.place_new(*watch);
  s.watches.emplace(id, std::move(watch));
  answer.watch_id = id;
  s.control.push_back(std::move(answer));
}

void WatchStream::Impl::place_new(HubWatch& watch) {
  // What is applied and can't be read yet has been told already.
  if (watch.next.main > hub->store.current_revision() && !hub->core().has_unpublished()) {
    watch.place = HubWatch::Place::kInStep;
    hub->index.insert(watch.range(), watch);
    return;
  }
  watch.place = HubWatch::Place::kWaiting;
  waiting.emplace(watch.number, &watch);
}

// ---- Ending. ----

void WatchStream::cancel(WatchId id) {
  const auto at = impl_->watches.find(id);
  if (at == impl_->watches.end()) return;
  impl_->forget(*at->second);
  WatchResponse answer;
  answer.revision = impl_->hub->store.current_revision();
  answer.watch_id = id;
  answer.canceled = true;
  impl_->control.push_back(std::move(answer));
  impl_->hub->schedule();
}

void WatchStream::Impl::leave_place(HubWatch& watch) {
  switch (watch.place) {
    case HubWatch::Place::kInStep: hub->index.erase(watch.range(), watch); break;
    case HubWatch::Place::kReading:
      reading.erase(watch.range(), watch);
      readers.erase(watch.number);
      break;
    case HubWatch::Place::kWaiting: waiting.erase(watch.number); break;
    case HubWatch::Place::kEnded: break;
  }
}

void WatchStream::Impl::end(HubWatch& watch, std::string reason, int64_t compact_revision) {
  // What it has of a revision that isn't whole is of no use.
  const bool reads = watch.place == HubWatch::Place::kReading;
  while (reads && !watch.queue.empty() && watch.queue.back().at.main >= position.main) {
    queued_bytes -= watch.queue.back().bytes;
    watch.queued_bytes -= watch.queue.back().bytes;
    watch.queue.pop_back();
  }
  leave_place(watch);
  watch.place = HubWatch::Place::kEnded;
  watch.last_word = {.revision = hub->store.current_revision(),
                     .watch_id = watch.id,
                     .created = false,
                     .canceled = true,
                     .cancel_reason = std::move(reason),
                     .compact_revision = compact_revision,
                     .fragment = false,
                     .events = {}};
  talking.emplace(watch.number, &watch);
}

void WatchStream::Impl::forget(HubWatch& watch) {
  leave_place(watch);
  drop_queue(watch);
  talking.erase(watch.number);
  watches.erase(watch.id);
}

void WatchStream::Impl::drop_queue(HubWatch& watch) {
  queued_bytes -= watch.queued_bytes;
  watch.queued_bytes = 0;
  watch.queue.clear();
  if (watch.place != HubWatch::Place::kEnded && !watch.progress_due) talking.erase(watch.number);
}

// ---- Pulling. ----

void WatchStream::Impl::enqueue(HubWatch& watch, std::shared_ptr<const SharedEvent> shared,
                                const Revision& at) {
  const size_t bytes = shared->event.kv.key.size() + shared->event.kv.value.size() + 64;
  watch.queue.push_back({std::move(shared), at, bytes});
  watch.queued_bytes += bytes;
  queued_bytes += bytes;
  talking.emplace(watch.number, &watch);
}

void WatchStream::request_progress() {
  impl_->progress_requested = true;
  impl_->hub->schedule();
}

// Everything published has been handed out to every watch.
bool WatchStream::Impl::in_step() const {
  const int64_t published = hub->store.current_revision();
  const bool all_told = std::ranges::all_of(talking, [&](const auto& at) {
    const HubWatch& watch = *at.second;
    return watch.place != HubWatch::Place::kEnded &&
           (watch.queue.empty() || watch.queue.front().at.main > published);
  });
  return readers.empty() && waiting.empty() && all_told;
}

std::optional<WatchResponse> WatchStream::next() {
  Impl& s = *impl_;
  if (!s.control.empty()) {
    WatchResponse answer = std::move(s.control.front());
    s.control.pop_front();
    return answer;
  }
  // Watches take turns.
  std::optional<WatchResponse> answer;
  const size_t talking = s.talking.size();
  for (size_t i = 0; i < talking && !answer && !s.talking.empty(); ++i) {
    auto at = s.talking.upper_bound(s.last_served);
    if (at == s.talking.end()) at = s.talking.begin();
    s.last_served = at->first;
    answer = s.take(*at->second);
  }
  if (answer) {
    if (s.lane_runnable()) s.hub->schedule();
    return answer;
  }
  if (s.progress_requested && s.in_step()) {
    s.progress_requested = false;
    answer.emplace();
    answer->revision = s.hub->store.current_revision();
    answer->watch_id = kNoWatch;
    return answer;
  }
  s.signalled = false;
  return std::nullopt;
}

// No more changes of revision `main` will be queued for the watch.
bool WatchStream::Impl::revision_complete(const HubWatch& watch, int64_t main) const {
  return watch.place == HubWatch::Place::kInStep || watch.place == HubWatch::Place::kEnded ||
         position.main > main;
}

// Whole revisions, as many as fit; a larger one in pieces. Always leaves an event for the last piece.
std::optional<WatchResponse> WatchStream::Impl::take(HubWatch& watch) {
  WatchResponse answer;
  answer.watch_id = watch.id;
  answer.revision = hub->store.current_revision();
  const size_t room = hub->options.response_bytes_max;
  size_t bytes = 0;
  const auto hand_out = [&] {
    QueuedEvent& front = watch.queue.front();
    bytes += front.bytes;
    queued_bytes -= front.bytes;
    watch.queued_bytes -= front.bytes;
    answer.events.push_back(front.shared->event);
    watch.queue.pop_front();
  };
  while (!watch.queue.empty() && !answer.fragment) {
    const int64_t main = watch.queue.front().at.main;
    size_t count = 0;
    size_t group_bytes = 0;
    for (; count < watch.queue.size() && watch.queue[count].at.main == main; ++count) {
      const QueuedEvent& queued = watch.queue[count];
      if (!queued.shared->complete) break;
      if (!queued.shared->failure.empty()) {
        end(watch, queued.shared->failure, 0);
        drop_queue(watch);
        break;
      }
      group_bytes += queued.bytes;
    }
    const bool whole = count >= watch.queue.size() || watch.queue[count].at.main != main;
    if (main > answer.revision || watch.queue.empty()) break;
    const bool ready = whole && revision_complete(watch, main);
    const bool large = count > 1 && (group_bytes > room || (!ready && cut_revision));
    if (!ready && !large) break;
    if (!answer.events.empty() && bytes + group_bytes > room) break;
    answer.fragment = large;
    while (count > (large ? 1u : 0u) && (!large || bytes < room)) {
      hand_out();
      --count;
    }
  }
  if (!answer.events.empty()) {
    watch.told = true;
    if (watch.queue.empty() && watch.place != HubWatch::Place::kEnded && !watch.progress_due)
      talking.erase(watch.number);
    return answer;
  }
  if (watch.queue.empty() && watch.place == HubWatch::Place::kEnded) {
    WatchResponse last = std::move(watch.last_word);
    forget(watch);
    return last;
  }
  if (watch.queue.empty() && watch.progress_due && watch.place == HubWatch::Place::kInStep) {
    watch.progress_due = false;
    talking.erase(watch.number);
    return answer;
  }
  return std::nullopt;
}

}  // namespace revd

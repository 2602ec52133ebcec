#include "server/client/watch.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "mvcc/command/errors.h"

namespace revd {

namespace {
constexpr auto kRetryDelay = std::chrono::milliseconds(100);
}

Watch::Watch(Client& client, WatchCreateRequest request, WatchHandlers handlers)
    : client_(client),
      request_(std::move(request)),
      handlers_(std::move(handlers)),
      retry_(client.env().executor),
      self_(std::make_shared<Watch*>(this)) {
  CHECK_MSG(request_.watch_id == WatchId{}, "the server picks watch ids");
  request_.fragment = true;
  client_.add(*this);
  if (Link* const link = client_.link()) send(*link);
}

Watch::~Watch() {
  client_.remove(*this);
  if (in_flight_ && client_.link() != nullptr) client_.link()->cancel(link_id_);
}

void Watch::link_up(Link& link) {
  if (!ended_ && !in_flight_) send(link);
}

void Watch::send(Link& link) {
  partial_.clear();
  retry_.stop();
  in_flight_ = true;
  link_id_ = link.send({}, request_, [weak = std::weak_ptr(self_), attempt = ++attempt_](LinkEvent event) {
    const auto self = weak.lock();
    if (self) (*self)->on_event(attempt, std::move(event));
  });
}

void Watch::on_event(uint64_t attempt, LinkEvent event) {
  if (ended_ || attempt != attempt_) return;
  in_flight_ = !event.last;
  if (event.lost) return;  // the next link goes on
  if (!event.outcome.ok()) {
    const auto which = as_api_error(event.outcome.error());
    const bool passing = which == ApiError::kStopped || which == ApiError::kTooManyRequests ||
                         which == ApiError::kLeaderChanged || which == ApiError::kNoLeader ||
                         which == ApiError::kNotLeader || which == ApiError::kTimeout;
    return passing ? try_again() : end(event.outcome.error());
  }
  const bool last = event.last;
  const std::weak_ptr<Watch*> alive = self_;
  on_response(std::get<WatchResponse>(std::move(*event.outcome)));
  if (last && !alive.expired() && !ended_) try_again();
}

void Watch::on_response(WatchResponse response) {
  if (response.created && !response.canceled) {
    if (request_.start_revision <= 0) request_.start_revision = response.revision + 1;
    if (handlers_.started) handlers_.started(request_.start_revision);
    return;
  }
  if (response.canceled) {
    if (response.compact_revision > 0) return end(compacted_error(response.compact_revision));
    return end(Error(ErrorCode::kInvalidArgument, response.cancel_reason.empty()
                                                      ? "the server cancelled the watch"
                                                      : std::move(response.cancel_reason)));
  }
  deliver(std::move(response));
}

void Watch::deliver(WatchResponse response) {
  const bool progress = response.events.empty() && partial_.empty() && !response.fragment;
  if (progress) {
    request_.start_revision = std::max(request_.start_revision, response.revision + 1);
    if (handlers_.progress) handlers_.progress(response.revision);
    return;
  }
  // The server sends nothing before the revision asked for; if one did, nothing comes twice all the same.
  std::erase_if(response.events,
                [&](const Event& event) { return event.kv.mod_revision < request_.start_revision; });
  std::ranges::move(response.events, std::back_inserter(partial_));
  if (response.fragment || partial_.empty()) return;
  std::vector<Event> events = std::exchange(partial_, {});
  request_.start_revision = events.back().kv.mod_revision + 1;
  if (handlers_.events) handlers_.events(std::move(events));
}

void Watch::try_again() {
  retry_.start(kRetryDelay, [this] {
    if (Link* const link = client_.link(); link != nullptr && !in_flight_) send(*link);
  });
}

void Watch::end(const Error& reason) {
  ended_ = true;
  retry_.stop();
  if (in_flight_ && client_.link() != nullptr) client_.link()->cancel(link_id_);
  in_flight_ = false;
  const auto ended = handlers_.ended;  // which may destroy this
  if (ended) ended(reason);
}

}  // namespace revd

#include "tests/model/model_watch.h"

#include <algorithm>
#include <string>
#include <utility>

#include "mvcc/command/errors.h"

namespace revd {
namespace {

std::string_view refusal(const WatchCreateRequest& request, bool id_is_taken) {
  const std::string from_key(1, '\0');
  const std::string key = request.key.empty() ? from_key : request.key;
  if (request.start_revision < 0) return kWatchStartNegative;
  if (!request.range_end.empty() && request.range_end != from_key && key >= request.range_end)
    return kWatchRangeEmpty;
  if (id_is_taken) return kWatchDuplicateId;
  return {};
}

}  // namespace

WatchResponse ModelWatchStream::create(const WatchCreateRequest& request) {
  WatchResponse response{
      .revision = store_.current_revision(), .watch_id = request.watch_id, .created = true};
  const std::string_view reason = refusal(request, open_.contains(request.watch_id));
  if (!reason.empty()) {
    response.watch_id = kNoWatch;
    response.canceled = true;
    response.cancel_reason = reason;
    return response;
  }
  if (response.watch_id == WatchId())
    for (response.watch_id = WatchId(1); open_.contains(response.watch_id);)
      response.watch_id = response.watch_id.next();
  const int64_t start = request.start_revision != 0 ? request.start_revision : store_.current_revision() + 1;
  open_[response.watch_id] = {.request = request, .next = start, .delivery = {.id = response.watch_id}};
  pump();
  return response;
}

bool ModelWatchStream::cancel(WatchId id) { return open_.erase(id) > 0; }

void ModelWatchStream::pump() {
  for (auto at = open_.begin(); at != open_.end();) {
    Watch& watch = at->second;
    auto events = store_.events(watch.request, watch.next);
    if (!events.ok()) {
      watch.delivery.compact_revision = store_.compact_revision();
      cancelled_.push_back(std::move(watch.delivery));
      at = open_.erase(at);
      continue;
    }
    auto& delivered = watch.delivery.events;
    delivered.insert(delivered.end(), events->begin(), events->end());
    watch.next = std::max(watch.next, store_.current_revision() + 1);
    ++at;
  }
}

WatchResponse ModelWatchStream::progress() {
  pump();
  return {.revision = store_.current_revision(), .watch_id = kNoWatch};
}

std::vector<ModelWatchStream::Delivery> ModelWatchStream::collect() {
  pump();
  std::vector<Delivery> all = std::exchange(cancelled_, {});
  for (auto& [id, watch] : open_) all.push_back(std::exchange(watch.delivery, {.id = id}));
  // An id that was cancelled and given out again: the cancelled one first.
  std::ranges::sort(all, {}, [](const Delivery& one) { return std::pair(one.id, !one.canceled()); });
  return all;
}

}  // namespace revd

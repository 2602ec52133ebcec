#include "server/services/watch_service.h"

#include <algorithm>
#include <utility>

#include "mvcc/command/errors.h"
#include "mvcc/command/key_range.h"
#include "server/services/answers.h"

namespace revd {

// ---- Callers. ----

WatchService::Caller& WatchService::caller_of(CallerId id) {
  Caller& caller = callers_[id];
  if (!caller.stream) caller.stream = node_.watches().open([this, id] { pull(id); });
  return caller;
}

void WatchService::drop_if_idle(CallerId id) {
  const auto at = callers_.find(id);
  if (at != callers_.end() && at->second.watches.empty() && at->second.progress.empty()) callers_.erase(at);
}

// ---- Creating and ending. ----

std::string_view WatchService::refusal(const Call& call, const WatchCreateRequest& request) const {
  if (request.start_revision < 0) return kWatchStartNegative;
  if (KeyRange::of_watch(request.key, request.range_end).empty()) return kWatchRangeEmpty;
  const auto caller = callers_.find(call.caller);
  const bool taken = request.watch_id != WatchId{} && caller != callers_.end() &&
                     caller->second.watches.contains(request.watch_id);
  return taken ? kWatchDuplicateId : std::string_view();
}

void WatchService::handle(Call& call, const WatchCreateRequest& request) {
  if (const auto& authorize = node_.proposer().options().authorize) {
    const Status allowed =
        authorize(call.principal->user, Access::kRead, KeyRange::of_watch(request.key, request.range_end));
    if (!allowed.ok()) return finish_error(node_, *call.reply, allowed.error(), false);
  }
  if (const std::string_view reason = refusal(call, request); !reason.empty()) {
    WatchResponse answer;
    answer.revision = node_.store().current_revision();
    answer.watch_id = kNoWatch;
    answer.created = answer.canceled = true;
    answer.cancel_reason = reason;
    return finish(node_, *call.reply, std::move(answer));
  }
  Caller& caller = caller_of(call.caller);
  WatchId id = request.watch_id;
  if (id == WatchId{}) {
    while (caller.watches.contains(WatchId(caller.next_id))) ++caller.next_id;
    id = WatchId(caller.next_id++);
  }
  OpenWatch& watch = caller.watches[id];
  watch.id = id;
  watch.request = request;
  watch.reply = std::move(call.reply);
  watch.next_revision = request.start_revision;
  watch.reply->when_gone([this, alive = alive_, by = call.caller, id] {
    if (*alive) gone(by, id);
  });
  attach(caller, watch);
}

void WatchService::erase(Caller& caller, WatchId id) {
  const auto at = caller.watches.find(id);
  if (at->second.attached) {
    caller.stream->cancel(at->second.hub_id);
    caller.by_hub_id.erase(at->second.hub_id);
  } else {
    --caller.detached;
  }
  caller.watches.erase(at);
}

void WatchService::gone(CallerId by, WatchId id) {
  const auto at = callers_.find(by);
  if (at == callers_.end() || !at->second.watches.contains(id)) return;
  erase(at->second, id);
  ask_progress(at->second);
  drop_if_idle(by);
}

void WatchService::handle(Call& call, const WatchCancelRequest& request) {
  WatchResponse answer;
  answer.revision = node_.store().current_revision();
  answer.watch_id = request.watch_id;
  const auto at = callers_.find(call.caller);
  if (at == callers_.end() || !at->second.watches.contains(request.watch_id))
    return finish(node_, *call.reply, std::move(answer));
  Caller& caller = at->second;
  answer.canceled = true;
  const std::unique_ptr<Reply> stream = std::move(caller.watches.at(request.watch_id).reply);
  erase(caller, request.watch_id);
  finish(node_, *stream, answer);
  finish(node_, *call.reply, std::move(answer));
  ask_progress(caller);
  drop_if_idle(call.caller);
}

// ---- Messages. ----

void WatchService::pull(CallerId id) {
  auto at = callers_.find(id);
  while (at != callers_.end()) {
    std::optional<WatchResponse> message = at->second.stream->next();
    if (!message) return;
    deliver(id, at->second, std::move(*message));
    at = callers_.find(id);
  }
}

void WatchService::deliver(CallerId id, Caller& caller, WatchResponse message) {
  if (message.watch_id == kNoWatch) {
    deliver_progress(caller, std::move(message));
    return drop_if_idle(id);
  }
  // Of an attachment that is over: of no interest any more.
  const auto own = caller.by_hub_id.find(message.watch_id);
  if (own == caller.by_hub_id.end()) return;
  OpenWatch& watch = caller.watches.at(own->second);
  message.watch_id = watch.id;
  if (message.canceled) {
    const std::unique_ptr<Reply> reply = std::move(watch.reply);
    caller.by_hub_id.erase(own);
    caller.watches.erase(message.watch_id);
    finish(node_, *reply, std::move(message));
    ask_progress(caller);
    return drop_if_idle(id);
  }
  if (message.created && std::exchange(watch.created, true)) return;  // attached again
  if (!skip_sent(watch, message)) return;
  // That it was created is told in any case; it is small, and comes once.
  const bool may_send = message.created || watch.reply->credit_bytes() > 0;
  if (may_send) {
    note_sent(watch, message);
    send(node_, *watch.reply, std::move(message));
  } else if (!message.events.empty()) {
    detach(id, caller, watch, message);
  }
}

void WatchService::note_sent(OpenWatch& watch, const WatchResponse& message) {
  for (const Event& event : message.events) {
    const int64_t revision = event.kv.mod_revision;
    if (revision != watch.place.revision) watch.place = {revision, 0};
    ++watch.place.events;
  }
}

bool WatchService::skip_sent(OpenWatch& watch, WatchResponse& message) {
  if (watch.skip == 0 || message.events.empty()) return true;
  // The hub begins at next_revision, so these come first.
  const auto end = std::ranges::find_if(
      message.events, [&](const Event& event) { return event.kv.mod_revision != watch.next_revision; });
  const auto own = static_cast<uint64_t>(end - message.events.begin());
  const uint64_t skipped = std::min(own, watch.skip);
  message.events.erase(message.events.begin(), message.events.begin() + static_cast<ptrdiff_t>(skipped));
  watch.skip = message.events.empty() ? watch.skip - skipped : 0;
  return !message.events.empty();
}

// ---- Credit. ----

void WatchService::attach(Caller& caller, OpenWatch& watch) {
  watch.attached = true;
  watch.hub_id = WatchId(caller.next_hub_id++);
  caller.by_hub_id.emplace(watch.hub_id, watch.id);
  WatchCreateRequest request = watch.request;
  request.watch_id = watch.hub_id;
  request.start_revision = watch.next_revision;
  caller.stream->create(request);
}

void WatchService::detach(CallerId by, Caller& caller, OpenWatch& watch, const WatchResponse& unsent) {
  ++detachments_;
  ++caller.detached;
  watch.attached = false;
  caller.by_hub_id.erase(watch.hub_id);
  caller.stream->cancel(watch.hub_id);
  watch.next_revision = unsent.events.front().kv.mod_revision;
  watch.skip = watch.place.revision == watch.next_revision ? watch.place.events : 0;
  watch.reply->when_credit([this, alive = alive_, by, id = watch.id] {
    if (*alive) credit_came(by, id);
  });
}

void WatchService::credit_came(CallerId by, WatchId id) {
  const auto caller = callers_.find(by);
  if (caller == callers_.end()) return;
  const auto at = caller->second.watches.find(id);
  if (at == caller->second.watches.end() || at->second.attached) return;
  --caller->second.detached;
  attach(caller->second, at->second);
  ask_progress(caller->second);
}

// ---- Progress. ----

void WatchService::handle(Call& call, const WatchProgressRequest&) {
  Caller& caller = caller_of(call.caller);
  caller.progress.push_back(std::move(call.reply));
  ask_progress(caller);
}

void WatchService::ask_progress(Caller& caller) {
  if (caller.progress.empty() || caller.progress_asked || caller.detached > 0) return;
  caller.progress_asked = true;
  caller.stream->request_progress();
}

void WatchService::deliver_progress(Caller& caller, WatchResponse message) {
  caller.progress_asked = false;
  if (caller.detached > 0) return;  // asked again when none is
  for (const auto& reply : std::exchange(caller.progress, {})) finish(node_, *reply, message);
}

}  // namespace revd

#include "tests/server/fake_store.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "mvcc/command/errors.h"

namespace revd {

AnswerHeader FakeStore::header() const {
  AnswerHeader own;
  own.cluster = cluster_;
  own.member = NodeId(1);
  own.revision = revision;
  return own;
}

void FakeStore::start(Call call) {
  if (intercept && intercept(call)) return;
  const auto answer = [&](Response response) { call.reply->finish(header(), std::move(response)); };
  if (std::holds_alternative<PutRequest>(call.request)) return put(call);
  if (std::holds_alternative<WatchCreateRequest>(call.request)) return watch(std::move(call));
  if (std::holds_alternative<SnapshotRequest>(call.request)) return send_snapshot(std::move(call));
  if (const auto* request = std::get_if<RangeRequest>(&call.request)) return answer(range(*request));
  if (const auto* open = std::get_if<SessionOpenRequest>(&call.request)) {
    SessionOpenResponse response;
    response.id = SessionId(++last_session_);
    sessions_[last_session_].window = open->window;
    return answer(response);
  }
  if (const auto* keep = std::get_if<SessionKeepAliveRequest>(&call.request)) {
    ++keep_alives;
    if (!sessions_.contains(keep->ids[0].value()))
      return call.reply->finish(header(), api_error(ApiError::kSessionExpired));
    return answer(EmptyResponse{revision});
  }
  if (const auto* keep = std::get_if<LeaseKeepAliveRequest>(&call.request)) {
    ++keep_alives;
    LeaseKeepAliveResponse response;
    for (const LeaseId id : keep->ids)
      response.ttls_ms.push_back(leases.contains(id.value()) ? leases[id.value()] : 0);
    return answer(response);
  }
  if (std::holds_alternative<RangePagesRequest>(call.request)) {
    struct Stream : std::enable_shared_from_this<Stream> {
      Stream(FakeStore& owner, Call asked) : store(owner), call(std::move(asked)) {}
      void run() {
        while (true) {
          if (call.reply->gone()) return;
          if (call.reply->credit_bytes() <= 0)
            return call.reply->when_credit([self = shared_from_this()] { self->run(); });
          RangeResponse page;
          page.revision = whole.revision;
          size_t bytes = 0;
          while (next < whole.kvs.size() && bytes < page_bytes) {
            bytes += whole.kvs[next].key.size() + whole.kvs[next].value.size();
            page.kvs.push_back(whole.kvs[next++]);
          }
          ++store.pages_sent;
          if (next == whole.kvs.size()) {
            page.count = whole.count;
            page.more = whole.more;
            return call.reply->finish(store.header(), Response(page));
          }
          call.reply->send(store.header(), Response(page));
        }
      }
      FakeStore& store;
      Call call;
      RangeResponse whole;
      size_t next = 0;
      size_t page_bytes = 0;
    };
    const auto stream = std::make_shared<Stream>(*this, std::move(call));
    const auto& request = std::get<RangePagesRequest>(stream->call.request);
    stream->page_bytes = request.page_bytes_max;
    stream->whole = range(request.range);
    return stream->run();
  }
  call.reply->finish(header(), Error(ErrorCode::kUnimplemented, "the fake store can't do that"));
}

void FakeStore::put(Call& call) {
  const SessionStamp& stamp = call.stamp;
  PutResponse response;
  if (stamp.session != SessionId()) {
    const auto found = sessions_.find(stamp.session.value());
    if (found == sessions_.end()) return call.reply->finish(header(), api_error(ApiError::kSessionExpired));
    Session& session = found->second;
    session.lowest = std::max(session.lowest, stamp.lowest_unacknowledged);
    if (stamp.sequence < session.lowest || stamp.sequence - session.lowest >= session.window)
      return call.reply->finish(header(), api_error(ApiError::kSessionExpired));
    session.answers.erase(session.answers.begin(), session.answers.lower_bound(session.lowest));
    if (const auto answer = session.answers.find(stamp.sequence); answer != session.answers.end()) {
      ++duplicates;
      response.revision = answer->second;
      return call.reply->finish(header(), Response(response));
    }
    session.answers[stamp.sequence] = revision + 1;
  }
  const auto& request = std::get<PutRequest>(call.request);
  ++applied;
  response.revision = ++revision;
  KeyValue& kv = keys[request.key];
  kv.key = request.key;
  kv.value = request.value;
  kv.mod_revision = revision;
  if (++kv.version == 1) kv.create_revision = revision;
  history.push_back({EventType::kPut, kv, std::nullopt});
  call.reply->finish(header(), Response(response));
  feed_all();
}

void FakeStore::put_many(size_t n, const std::string& prefix) {
  ++revision;
  for (size_t i = 0; i < n; ++i) {
    KeyValue kv;
    kv.key = prefix + std::to_string(1'000'000 + i);
    kv.mod_revision = kv.create_revision = revision;
    kv.version = 1;
    keys[kv.key] = kv;
    history.push_back({EventType::kPut, kv, std::nullopt});
  }
  feed_all();
}

RangeResponse FakeStore::range(const RangeRequest& request) const {
  RangeResponse response;
  response.revision = request.revision > 0 ? request.revision : revision;
  for (const auto& [key, kv] : keys) {
    const bool inside = request.range_end.empty() ? key == request.key
                        : request.range_end == std::string(1, '\0')
                            ? key >= request.key
                            : key >= request.key && key < request.range_end;
    if (!inside || kv.create_revision > response.revision) continue;
    ++response.count;
    if (request.count_only) continue;
    if (request.limit > 0 && response.kvs.size() == static_cast<size_t>(request.limit))
      response.more = true;
    else
      response.kvs.push_back(kv);
  }
  return response;
}

void FakeStore::watch(Call call) {
  auto watcher = std::make_shared<Watcher>();
  watcher->request = std::get<WatchCreateRequest>(call.request);
  watcher->call = std::move(call);
  WatchResponse created;
  created.revision = revision;
  created.created = true;
  watcher->call.reply->send(header(), Response(created));
  const int64_t from = watcher->request.start_revision > 0 ? watcher->request.start_revision : revision + 1;
  if (from <= compacted) {
    WatchResponse canceled;
    canceled.canceled = true;
    canceled.compact_revision = compacted;
    return watcher->call.reply->finish(header(), Response(canceled));
  }
  while (watcher->next < history.size() && history[watcher->next].kv.mod_revision < from) ++watcher->next;
  watcher->call.reply->when_gone([weak = std::weak_ptr(watcher)] {
    if (const auto held = weak.lock()) held->over = true;
  });
  watchers_.push_back(watcher);
  feed(*watcher);
}

void FakeStore::feed_all() {
  std::erase_if(watchers_, [](const auto& watcher) { return watcher->over || watcher->call.reply->gone(); });
  for (const auto& watcher : watchers_) feed(*watcher);
}

// Messages of at most watch_fragment_events events; `fragment` where one revision doesn't fit.
void FakeStore::feed(Watcher& watcher) {
  while (watcher.next < history.size() && !watcher.over) {
    if (watcher.call.reply->credit_bytes() <= 0) {
      return watcher.call.reply->when_credit([this, weak = watcher.weak_from_this()] {
        if (const auto held = weak.lock()) feed(*held);
      });
    }
    WatchResponse response;
    response.revision = revision;
    while (watcher.next < history.size() && response.events.size() < watch_fragment_events)
      response.events.push_back(history[watcher.next++]);
    response.fragment = watcher.next < history.size() &&
                        history[watcher.next].kv.mod_revision == response.events.back().kv.mod_revision;
    watcher.call.reply->send(header(), Response(std::move(response)));
  }
}

void FakeStore::send_snapshot(Call call) {
  struct Stream : std::enable_shared_from_this<Stream> {
    Stream(FakeStore& owner, Call asked) : store(owner), call(std::move(asked)) {}
    void run() {
      while (!call.reply->gone()) {
        if (call.reply->credit_bytes() <= 0)
          return call.reply->when_credit([self = shared_from_this()] { self->run(); });
        SnapshotChunk chunk;
        chunk.revision = store.revision;
        chunk.offset = sent;
        chunk.data = store.snapshot.substr(sent, 100'000);
        sent += chunk.data.size();
        if (sent < store.snapshot.size()) {
          call.reply->send(store.header(), Response(std::move(chunk)));
          continue;
        }
        chunk.total_bytes = sent;
        chunk.hash = xxh3_64(as_bytes(store.snapshot)) + (store.damage_snapshot ? 1 : 0);
        return call.reply->finish(store.header(), Response(std::move(chunk)));
      }
    }
    FakeStore& store;
    Call call;
    uint64_t sent = 0;
  };
  std::make_shared<Stream>(*this, std::move(call))->run();
}

}  // namespace revd

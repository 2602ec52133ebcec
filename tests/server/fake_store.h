// FakeStore: a small honest store as a Service: puts, ranges (also in pages), watches, leases, sessions
// and snapshots, kept in plain containers. For tests of clients; it outlives the doors in front of it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/service.h"

namespace revd {

class FakeStore final : public Service {
 public:
  explicit FakeStore(ClusterId cluster = ClusterId(77)) : cluster_(cluster) {}

  void start(Call call) override;
  AnswerHeader header() const override;

  // What tests look at and turn.
  int64_t revision = 1;
  int64_t compacted = -1;
  std::vector<Event> history;            // in order of revision
  std::map<std::string, KeyValue> keys;  // now
  std::map<int64_t, int64_t> leases;     // id -> ttl
  uint64_t applied = 0;                  // writes that had an effect
  uint64_t duplicates = 0;               // that a session answered again
  uint64_t keep_alives = 0;
  uint64_t pages_sent = 0;
  size_t watch_fragment_events = 1000;  // most events in one message
  std::string snapshot = std::string(3'000'000, 's');
  bool damage_snapshot = false;
  // Puts with `n` keys in one revision.
  void put_many(size_t n, const std::string& prefix);
  void forget_sessions() { sessions_.clear(); }
  size_t sessions() const { return sessions_.size(); }
  // Looks at each call first; true: it has taken it.
  std::function<bool(Call&)> intercept;

 private:
  struct Session {
    uint64_t lowest = 1;
    uint64_t window = 0;
    std::map<uint64_t, int64_t> answers;  // sequence -> revision
  };
  struct Watcher : std::enable_shared_from_this<Watcher> {
    Call call;
    WatchCreateRequest request;
    size_t next = 0;  // in history
    bool over = false;
  };
  struct Pager;

  void put(Call& call);
  void watch(Call call);
  void feed(Watcher& watcher);
  void feed_all();
  void send_snapshot(Call call);
  RangeResponse range(const RangeRequest& request) const;

  ClusterId cluster_;
  std::map<uint64_t, Session> sessions_;
  uint64_t last_session_ = 0;
  std::vector<std::shared_ptr<Watcher>> watchers_;
};

}  // namespace revd

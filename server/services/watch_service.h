// WatchService: watches, over WatchHub, under the callers' credit.
//
// Each caller (connection) is one WatchStream of the hub, so that its watches share one way through the
// history. A create's Reply is the watch's stream. A watch without credit doesn't hold up its caller's
// others: it is *detached*, taken out of the hub with its place noted, and put back there, reading history,
// when there is credit again. So a watch that nobody reads costs no memory and no work; it ends only when its
// place is compacted.
//
// Invariants: events come in order, none twice and none left out, across any number of detachments; one
// revision's events are split only as the hub splits them (`fragment`); a progress answer comes after every
// event at or below its revision, and waits for detached watches. Thread rule: the reactor. Borrows the node;
// owns streams and replies. Errors: a watch that is refused or ends is told so by a WatchResponse with
// `canceled`, not by an error.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "server/node/node.h"
#include "server/service.h"

namespace revd {

class WatchService {
 public:
  explicit WatchService(Node& node) : node_(node) {}
  ~WatchService() { *alive_ = false; }
  WatchService(const WatchService&) = delete;
  WatchService& operator=(const WatchService&) = delete;

  void handle(Call& call, const WatchCreateRequest& request);
  void handle(Call& call, const WatchCancelRequest& request);
  void handle(Call& call, const WatchProgressRequest& request);

  size_t callers() const { return callers_.size(); }
  uint64_t detachments() const { return detachments_; }

 private:
  // What a watch was handed last: the next event is one after it.
  struct Place {
    int64_t revision = 0;  // of the last event sent, 0: none yet
    uint64_t events = 0;   // of that revision, sent
  };
  struct OpenWatch {
    WatchId id;      // the caller's
    WatchId hub_id;  // the hub's; each attachment has its own
    WatchCreateRequest request;
    std::unique_ptr<Reply> reply;
    Place place;
    int64_t next_revision = 0;  // detached: where it goes on
    uint64_t skip = 0;          // attached again: so many events of next_revision were sent before
    bool attached = true;
    bool created = false;  // the caller was told
  };
  struct Caller {
    std::unique_ptr<WatchStream> stream;
    std::map<WatchId, OpenWatch> watches;
    std::map<WatchId, WatchId> by_hub_id;  // attached ones: the caller's id
    std::vector<std::unique_ptr<Reply>> progress;
    int64_t next_id = 0;
    int64_t next_hub_id = 1;
    size_t detached = 0;
    bool progress_asked = false;
  };

  Caller& caller_of(CallerId id);
  std::string_view refusal(const Call& call, const WatchCreateRequest& request) const;
  void pull(CallerId id);
  void deliver(CallerId id, Caller& caller, WatchResponse message);
  void deliver_progress(Caller& caller, WatchResponse message);
  void attach(Caller& caller, OpenWatch& watch);
  void detach(CallerId id, Caller& caller, OpenWatch& watch, const WatchResponse& unsent);
  void credit_came(CallerId id, WatchId watch);
  void gone(CallerId id, WatchId watch);
  void erase(Caller& caller, WatchId watch);
  void ask_progress(Caller& caller);
  void drop_if_idle(CallerId id);
  static void note_sent(OpenWatch& watch, const WatchResponse& message);
  // Leaves out what was sent before the watch was detached. False if nothing remains.
  static bool skip_sent(OpenWatch& watch, WatchResponse& message);

  Node& node_;
  std::map<CallerId, Caller> callers_;
  uint64_t detachments_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace revd

// Watch: changes of a range of keys, from a revision on, over any number of connections.
//
// Hands over whole revisions, in order, each once: pieces of a large revision are put together first,
// and after a reconnect the watch goes on at the last whole revision + 1 by itself. It ends only when the
// server says so: the history needed is compacted, or the request was refused.
//
// Thread rule: reactor. Ownership: borrows the Client, which must outlive it; may be destroyed inside its own
// callbacks. Errors: see Ended. Format of the messages: server/protocol/README.md, "Watches".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "server/client/client.h"

namespace revd {

struct WatchHandlers {
  // The server watches from `next_revision` on; again after each reconnect.
  std::function<void(int64_t next_revision)> started{};
  // Events of one or more whole revisions, in order.
  std::function<void(std::vector<Event> events)> events{};
  // Every event up to `revision` has been handed over.
  std::function<void(int64_t revision)> progress{};
  // The end; nothing comes afterwards. kOutOfRange with a detail that compact_revision_of() reads: events
  // have been compacted before they could be sent. Others: the server's reason.
  std::function<void(const Error& reason)> ended{};
};

class Watch final : public LinkUser {
 public:
  // `request`'s fragment is the watch's own matter, and its watch_id must be 0.
  Watch(Client& client, WatchCreateRequest request, WatchHandlers handlers);
  ~Watch() override;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // The first revision that hasn't been handed over; 0 before the server has named one.
  int64_t next_revision() const { return request_.start_revision; }
  bool ended() const { return ended_; }

 private:
  void link_up(Link& link) override;
  void send(Link& link);
  void on_event(uint64_t attempt, LinkEvent event);
  void on_response(WatchResponse response);
  void deliver(WatchResponse response);
  void try_again();
  void end(const Error& reason);

  Client& client_;
  WatchCreateRequest request_;  // start_revision is always where to go on
  WatchHandlers handlers_;
  std::vector<Event> partial_;  // of a revision whose end hasn't come
  uint64_t attempt_ = 0;
  uint64_t link_id_ = 0;
  bool in_flight_ = false;
  bool ended_ = false;
  Timer retry_;
  std::shared_ptr<Watch*> self_;
};

}  // namespace revd

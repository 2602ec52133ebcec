// RangePages: a range of any size, pulled page by page, all of one revision.
//
// The server sends ahead at most two pages (credit), so that nothing piles up anywhere. After a lost
// connection a range in key order goes on behind the last key that came, at the same revision; one with
// another order, or with a revision filter (whose count would be wrong), begins again only if nothing came
// yet.
//
// Thread rule: reactor. Borrows the Client; may be destroyed at any time, also inside its callback.
// Errors: the server's (compacted: the revision went away meanwhile), kUnavailable if it can't go on.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "server/client/client.h"

namespace revd {

class RangePages final : public LinkUser {
 public:
  // `timeout_ms` bounds the time without any page; 0: none.
  RangePages(Client& client, RangeRequest range, uint64_t page_bytes = 256 * 1024,
             uint32_t timeout_ms = 30'000);
  ~RangePages() override;
  RangePages(const RangePages&) = delete;
  RangePages& operator=(const RangePages&) = delete;

  // The next page, or nothing after the last. One call at a time. The last page has `count` and `more`.
  using Next = std::function<void(Result<std::optional<RangeResponse>> page)>;
  void next(Next done);

 private:
  struct Page {
    RangeResponse response;
    size_t bytes = 0;
  };
  void link_up(Link& link) override;
  void send(Link& link);
  void on_event(uint64_t attempt, LinkEvent event);
  void on_page(RangeResponse page, size_t bytes, bool last);
  bool can_resume() const;
  void fail(const Error& error);
  void hand_over();
  void arm();

  Client& client_;
  const RangeRequest range_;
  const uint64_t page_bytes_;
  const uint32_t timeout_ms_;
  std::string resume_key_;     // behind the last key that came
  int64_t revision_ = 0;       // of all pages; 0 before the first
  int64_t received_ = 0;       // key-values
  int64_t resumed_after_ = 0;  // how many had come before the last (re)start
  bool limit_reached_ = false;
  bool finished_ = false;  // the last page has come
  std::optional<Error> error_;
  std::deque<Page> pages_;  // not handed over yet
  Next waiting_;
  uint64_t attempt_ = 0;
  uint64_t link_id_ = 0;
  bool in_flight_ = false;
  bool posted_ = false;
  Timer timeout_;
  Timer retry_;
  std::shared_ptr<RangePages*> self_;
};

}  // namespace revd

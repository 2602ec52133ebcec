// Connector: keeps one link to one of the endpoints, and finds another when it ends.
//
// Endpoints are tried in turn; after a round without success it waits, longer each time, with jitter.
// A server of another cluster than the first one seen is passed over. Thread rule: reactor. Owns the
// link; borrows Env and options. Errors: none of its own; last_error() tells why there is no link.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "server/client/link.h"

namespace revd {

class Connector {
 public:
  // A link is up.
  using Up = std::function<void()>;

  Connector(Env& env, const ClientOptions& options, Up up);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // The link, if one is up.
  Link* link() { return usable_ && link_->up() ? link_.get() : nullptr; }
  const std::optional<Error>& last_error() const { return last_error_; }
  std::optional<ClusterId> cluster() const { return cluster_; }
  // The server said that another one leads: ends the link and goes there (or to the next endpoint).
  // As a task of its own.
  void go_elsewhere(std::optional<Address> leader, const Error& reason);
  uint64_t links_made() const { return links_made_; }

 private:
  void dial();
  void came_up(const protocol::ServerIntroduction& server);
  void went_down(const Error& reason);
  Duration delay_before_dial();

  Env& env_;
  const ClientOptions& options_;
  Up up_;
  std::unique_ptr<Link> link_;
  std::vector<Address> candidates_;  // the endpoints, and leaders that we were told of
  size_t next_ = 0;
  uint32_t failures_ = 0;  // since the last link that came up and answered
  std::optional<ClusterId> cluster_;
  std::optional<Error> last_error_;
  uint64_t links_made_ = 0;
  bool usable_ = false;  // the link is up, and of the right cluster
  Timer dial_timer_;
  std::shared_ptr<Connector*> self_;
};

}  // namespace revd

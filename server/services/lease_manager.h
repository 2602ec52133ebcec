// LeaseManager: leases: grant, revoke, keep alive, time to live, list.
//
// Keep-alives that come in one round of the reactor become one command of many ids (mvcc rule 18), answered
// when it is applied. Expiry is the node's own (Housekeeper).
// Thread rule: the reactor. Borrows the node; owns the calls until they are answered.
// Limits: kKeepAliveIdsMax ids in one command; beyond it the next one is begun.
#pragma once

#include <memory>
#include <vector>

#include "server/node/node.h"
#include "server/service.h"

namespace revd {

class LeaseManager {
 public:
  static constexpr size_t kKeepAliveIdsMax = 4096;

  explicit LeaseManager(Node& node) : node_(node) {}
  ~LeaseManager() { *alive_ = false; }
  LeaseManager(const LeaseManager&) = delete;
  LeaseManager& operator=(const LeaseManager&) = delete;

  void handle(Call& call, const LeaseGrantRequest& request);
  void handle(Call& call, const LeaseRevokeRequest& request);
  void handle(Call& call, LeaseKeepAliveRequest& request);
  void handle(Call& call, const LeaseTimeToLiveRequest& request);
  void handle(Call& call, const LeaseLeasesRequest& request);

  uint64_t keep_alive_commands() const { return keep_alive_commands_; }

 private:
  struct Waiting {
    std::unique_ptr<Reply> reply;
    size_t ids = 0;
  };
  using Batch = std::vector<Waiting>;

  void flush();

  Node& node_;
  LeaseKeepAliveRequest gathered_;
  Batch waiting_;
  bool flush_posted_ = false;
  uint64_t keep_alive_commands_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace revd

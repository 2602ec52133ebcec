// LeaseKeeper: keeps leases alive, all of them in one request, three times per shortest ttl.
//
// Thread rule: reactor. Borrows the Client. A lease is kept until it is released or found to be gone
// (expired or revoked), which is told once. Errors pass: the next round asks again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "server/client/client.h"

namespace revd {

class LeaseKeeper {
 public:
  using Lost = std::function<void(LeaseId lease)>;
  explicit LeaseKeeper(Client& client);

  // `ttl_ms` as granted. `lost` may be null; it may call keep and release.
  void keep(LeaseId lease, int64_t ttl_ms, Lost lost);
  void release(LeaseId lease) { leases_.erase(lease); }
  size_t size() const { return leases_.size(); }

 private:
  struct Kept {
    int64_t ttl_ms = 0;
    Lost lost;
  };
  void arm();
  void ask();
  void answered(const std::vector<LeaseId>& asked, const LeaseKeepAliveResponse& response);

  Client& client_;
  std::map<LeaseId, Kept> leases_;
  bool asking_ = false;
  Timer timer_;
  std::shared_ptr<LeaseKeeper*> self_;
};

}  // namespace revd

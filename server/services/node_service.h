// NodeService: the Service of a node: gives each call to the service that answers it.
//
// Thread rule: the reactor. Borrows the node, which outlives it; doors go before it. Destroying it answers
// `server stopped` to reads and watches under way; proposed commands are the node's.
#pragma once

#include <string>

#include "server/service.h"
#include "server/services/api_service.h"
#include "server/services/lease_manager.h"
#include "server/services/watch_service.h"

namespace revd {

class NodeService final : public Service {
 public:
  NodeService(Node& node, std::string version);

  void start(Call call) override;
  AnswerHeader header() const override;

  ApiService& api() { return api_; }
  LeaseManager& leases() { return leases_; }
  WatchService& watches() { return watches_; }

 private:
  Node& node_;
  ApiService api_;
  LeaseManager leases_;
  WatchService watches_;
};

}  // namespace revd

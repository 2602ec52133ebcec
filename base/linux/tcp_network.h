// TcpNetwork: Network over TCP.
//
// Thread rule: base/network.h. Names that aren't IP addresses are looked up on a thread of its own
// (connect) or blocking (listen, which belongs to starting up). Borrows the loop, owns connects under
// way and the look-up thread; listeners and connections belong to who got them.
// Errors: kUnavailable where another address or a later time may help, also for a port in use.
#pragma once

#include <map>
#include <memory>

#include "base/linux/event_loop.h"
#include "base/linux/worker_pool.h"
#include "base/logger.h"
#include "base/network.h"

namespace revd::os {

class Connector;

class TcpNetwork final : public Network {
 public:
  TcpNetwork(EventLoop& loop, Logger& logger);
  ~TcpNetwork() override;

  Result<std::unique_ptr<Listener>> listen(const Address& at, Accepted accepted) override;
  void connect(const Address& to, Connected connected) override;

  // Ends look-ups and connects under way, calling nobody.
  void shut_down();

 private:
  friend class Connector;
  void end(uint64_t connector);

  EventLoop& loop_;
  Logger& logger_;
  uint64_t next_connector_ = 0;
  std::map<uint64_t, std::unique_ptr<Connector>> connectors_;
  WorkerPool lookups_;
};

}  // namespace revd::os

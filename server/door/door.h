// Door: listens for the binary protocol and carries requests to the service.
//
// Thread rule: reactor. Borrows the Env and the service, both of which must outlive it; owns its
// connections. Destroying it closes everything at once; what a service still answers then is dropped.
// Errors: listening can fail; everything else is a connection's own matter.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "server/channel.h"
#include "server/door/door_context.h"

namespace revd {

class ServerConnection;

// What the handshake says of this server.
struct DoorIdentity {
  std::string version;  // of the program
  ClusterId cluster;
  NodeId member;
};

class Door {
 public:
  Door(Env& env, Service& service, DoorSettings settings, DoorIdentity identity,
       ChannelFactory channels = plain_channel);
  ~Door();
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  // kInvalidArgument for settings that aren't allowed. May be called for several addresses.
  Status listen(const Address& at);
  // Where it listens, with the port that the system chose.
  std::vector<Address> addresses() const;

  // Accepts nothing more, answers what is in flight, says goodbye; `done` is called once, when all
  // connections are closed, after drain_timeout_ms at the latest.
  void drain(Task done);

  size_t connections() const { return connections_.size(); }
  int64_t memory_used_bytes() const { return context_.budget.used_bytes(); }
  const DoorCounts& counts() const { return context_.counts; }

 private:
  void accept(std::unique_ptr<Connection> connection);
  void closed(CallerId id);
  void tick();
  void arm_tick();
  void check_drained();

  DoorSettings settings_;
  DoorContext context_;
  ChannelFactory channels_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::map<CallerId, std::shared_ptr<ServerConnection>> connections_;
  CallerId last_id_;
  Task drained_;
  bool draining_ = false;
  Instant draining_since_;
  Timer tick_timer_;
  std::shared_ptr<Door*> self_;  // posted tasks hold it weakly
};

}  // namespace revd

// SocketAddress: a system address, and how Address becomes one. Any thread.
#pragma once

#include <sys/socket.h>

#include <vector>

#include "base/network.h"

namespace revd::os {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  // Numeric host and port.
  Address to_address() const;
  friend bool operator==(const SocketAddress& a, const SocketAddress& b) {
    return a.to_address() == b.to_address();
  }
};

enum class NameLookup : uint8_t { kNumericOnly, kBlocking };

// The system addresses of `address`, at least one, in the order to try. kNumericOnly takes IP
// addresses alone (kNotFound for names); kBlocking asks the name service, which may take seconds.
// `to_listen` leaves out what this machine has no interface for. kInvalidArgument: no such name;
// kUnavailable: the name service doesn't answer.
Result<std::vector<SocketAddress>> resolve(const Address& address, NameLookup lookup, bool to_listen);

SocketAddress local_address(int socket);
SocketAddress peer_address(int socket);

}  // namespace revd::os

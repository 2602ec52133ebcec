#include "base/linux/socket_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/linux/system_error.h"

namespace revd::os {

Address SocketAddress::to_address() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return Address{.host = text, .port = ntohs(v4.sin_port)};
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &storage, sizeof v6);
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return Address{.host = text, .port = ntohs(v6.sin6_port)};
}

Result<std::vector<SocketAddress>> resolve(const Address& address, NameLookup lookup, bool to_listen) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  if (lookup == NameLookup::kNumericOnly) hints.ai_flags |= AI_NUMERICHOST;
  if (to_listen) hints.ai_flags |= AI_PASSIVE;
  addrinfo* list = nullptr;
  const int failed = getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
  if (failed != 0) {
    const std::string why = failed == EAI_SYSTEM ? errno_text(errno) : gai_strerror(failed);
    const std::string text = str_cat("look up \"", escape_bytes(address.host), "\": ", why);
    if (lookup == NameLookup::kNumericOnly) return Error(ErrorCode::kNotFound, text);
    const bool passing = failed == EAI_AGAIN || failed == EAI_SYSTEM || failed == EAI_MEMORY;
    return Error(passing ? ErrorCode::kUnavailable : ErrorCode::kInvalidArgument, text);
  }
  const std::unique_ptr<addrinfo, decltype([](addrinfo* info) { freeaddrinfo(info); })> owned(list);
  std::vector<SocketAddress> found;
  for (const addrinfo* info = list; info != nullptr; info = info->ai_next) {
    if (info->ai_family != AF_INET && info->ai_family != AF_INET6) continue;
    SocketAddress& one = found.emplace_back();
    std::memcpy(&one.storage, info->ai_addr, info->ai_addrlen);
    one.length = info->ai_addrlen;
  }
  if (found.empty())
    return Error(ErrorCode::kInvalidArgument, str_cat("look up \"", address.host, "\": no IP address"));
  return found;
}

SocketAddress local_address(int socket) {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (getsockname(socket, address.get(), &address.length) != 0) return SocketAddress{};
  return address;
}

SocketAddress peer_address(int socket) {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (getpeername(socket, address.get(), &address.length) != 0) return SocketAddress{};
  return address;
}

}  // namespace revd::os

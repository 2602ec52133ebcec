#include "base/network.h"

#include <charconv>

#include "base/strings.h"

namespace revd {

std::string Address::to_string() const {
  const bool v6 = host.find(':') != std::string::npos;
  return str_cat(v6 ? "[" : "", host, v6 ? "]:" : ":", port);
}

Result<Address> Address::parse(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return Error(ErrorCode::kInvalidArgument, str_cat("address \"", escape_bytes(text), "\": ", why,
                                                      "; expected host:port, like 127.0.0.1:7480"));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad("no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad("an IPv6 address needs brackets");
  }
  if (host.empty()) return bad("no host");
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || digits.empty())
    return bad("the port isn't a number from 0 to 65535");
  return Address{.host = std::string(host), .port = port};
}

}  // namespace revd

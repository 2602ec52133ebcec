// The handshake: what both sides say before the first frame.
//
// The client sends a Hello, the server answers a Welcome, perhaps a refusal, after which it closes.
// Both have the same outer form, which no protocol version will ever change. Pure functions; any
// bytes may be parsed. Format: README.md, "Handshake".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "server/protocol/frame.h"

namespace revd::protocol {

inline constexpr uint16_t kVersionOldest = 1;  // that this build speaks
inline constexpr uint16_t kVersionNewest = 1;
inline constexpr uint64_t kFeatures = 0;  // none are defined yet
inline constexpr size_t kPrefaceSize = 28;
inline constexpr uint32_t kIntroductionSizeMax = 4096;
// Every side understands frames of this body size, whatever the limits say.
inline constexpr uint32_t kFrameBodyMaxMin = kFrameOverheadMax;

// Who a client is, in words; for logs alone.
struct ClientIntroduction {
  std::string name;

  static constexpr auto fields() { return std::tuple(&ClientIntroduction::name); }
  friend bool operator==(const ClientIntroduction&, const ClientIntroduction&) = default;
};

struct Hello {
  uint16_t version_oldest = kVersionOldest;  // major protocol versions that the client speaks, both inclusive
  uint16_t version_newest = kVersionNewest;
  uint64_t features = kFeatures;  // that it would like to use
  ClientIntroduction introduction;

  friend bool operator==(const Hello&, const Hello&) = default;
};

// Who the server is and what it allows on this connection; in a refusal, the reason alone.
struct ServerIntroduction {
  std::string version;  // of the program
  ClusterId cluster;
  NodeId member;
  uint32_t frame_body_max = 0;          // bytes, in both directions
  uint32_t request_bytes_max = 0;       // a request's content
  uint32_t requests_in_flight_max = 0;  // beyond these two the server stops reading
  uint64_t bytes_in_flight_max = 0;
  uint32_t idle_timeout_ms = 0;  // without a whole frame from the client for so long, the server closes
  std::string refusal;

  static constexpr auto fields() {
    using Self = ServerIntroduction;
    return std::tuple(&Self::version, &Self::cluster, &Self::member, &Self::frame_body_max,
                      &Self::request_bytes_max, &Self::requests_in_flight_max, &Self::bytes_in_flight_max,
                      &Self::idle_timeout_ms, &Self::refusal);
  }
  friend bool operator==(const ServerIntroduction&, const ServerIntroduction&) = default;
};

// Why a server refuses; 0 in a Welcome that doesn't.
enum class Refusal : uint16_t {
  kNone = 0,
  kWrongMagic = 1,
  kUnknownVersion = 2,
  kMalformed = 3,
  kTooManyConnections = 4
};

struct Welcome {
  uint16_t version = 0;  // that both will speak; 0 in a refusal
  Refusal refusal = Refusal::kNone;
  uint64_t features = 0;  // those asked for that the server has, too
  ServerIntroduction introduction;

  friend bool operator==(const Welcome&, const Welcome&) = default;
};

template <typename T>
struct Received {
  T message;
  size_t size = 0;  // bytes of input that it took
};

std::string encode_hello(const Hello& hello);
std::string encode_welcome(const Welcome& welcome);

// Nothing yet if more bytes are needed (never more than kPrefaceSize + kIntroductionSizeMax). Errors:
// kUnauthenticated for a wrong magic (known from the first wrong byte), kInvalidArgument otherwise.
Result<std::optional<Received<Hello>>> parse_hello(ByteSpan input);
// The same; a refusal is a message like any other here.
Result<std::optional<Received<Welcome>>> parse_welcome(ByteSpan input);

// The server's answer to a Hello: the newest common version, or a refusal.
Welcome answer_hello(const Hello& hello, const ServerIntroduction& self);
// A refusal for what parse_hello said.
Welcome refuse(const Error& error);
Welcome refuse(Refusal reason, std::string text);
// Ok, or the refusal as an error: kUnavailable for too many connections, else kFailedPrecondition;
// also for a Welcome that contradicts the Hello.
Status check_welcome(const Hello& hello, const Welcome& welcome);

}  // namespace revd::protocol

#include "server/protocol/handshake.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/strings.h"
#include "mvcc/command/struct_codec.h"

namespace revd::protocol {

namespace {

// The tail tells apart what a text-mode transfer has touched.
constexpr std::string_view kMagic{"revd\r\n\x1a\n", 8};
constexpr size_t kHashedPrefaceSize = 24;

// The outer form that Hello and Welcome share.
struct Preface {
  uint16_t first = 0;   // Hello: oldest version; Welcome: the version chosen
  uint16_t second = 0;  // Hello: newest version; Welcome: the reason of a refusal
  uint64_t features = 0;
  ByteSpan introduction;
  size_t size = 0;
};

uint32_t preface_checksum(ByteSpan preface, ByteSpan introduction) {
  std::byte hashed[kHashedPrefaceSize + sizeof(uint64_t)];
  std::copy_n(preface.begin(), kHashedPrefaceSize, hashed);
  store_le<uint64_t>(hashed + kHashedPrefaceSize, xxh3_64(introduction));
  return static_cast<uint32_t>(xxh3_64(hashed));
}

std::string encode_preface(uint16_t first, uint16_t second, uint64_t features,
                           std::string_view introduction) {
  std::string out;
  ByteWriter writer(out);
  writer.raw(kMagic);
  writer.u16(first);
  writer.u16(second);
  writer.u32(static_cast<uint32_t>(introduction.size()));
  writer.u64(features);
  writer.u32(preface_checksum(as_bytes(out), as_bytes(introduction)));
  writer.raw(introduction);
  return out;
}

Result<std::optional<Preface>> parse_preface(ByteSpan input) {
  const size_t magic_size = std::min(input.size(), kMagic.size());
  if (as_view(input.first(magic_size)) != kMagic.substr(0, magic_size))
    return Error(ErrorCode::kUnauthenticated, "this is not the revd protocol (wrong magic)");
  if (input.size() < kPrefaceSize) return std::optional<Preface>();
  ByteReader reader(input.subspan(kMagic.size()));
  Preface preface;
  preface.first = reader.u16();
  preface.second = reader.u16();
  const uint32_t length = reader.u32();
  preface.features = reader.u64();
  const uint32_t checksum = reader.u32();
  if (length > kIntroductionSizeMax) {
    return Error(ErrorCode::kInvalidArgument, str_cat("an introduction of ", length, " bytes; at most ",
                                                      kIntroductionSizeMax, " are allowed"));
  }
  if (reader.remaining() < length) return std::optional<Preface>();
  preface.introduction = reader.take(length);
  preface.size = kPrefaceSize + length;
  if (preface_checksum(input, preface.introduction) != checksum)
    return Error(ErrorCode::kInvalidArgument, "the handshake was damaged on its way (wrong checksum)");
  return std::optional<Preface>(preface);
}

}  // namespace

std::string encode_hello(const Hello& hello) {
  return encode_preface(hello.version_oldest, hello.version_newest, hello.features,
                        encode_message(hello.introduction));
}

std::string encode_welcome(const Welcome& welcome) {
  return encode_preface(welcome.version, std::to_underlying(welcome.refusal), welcome.features,
                        encode_message(welcome.introduction));
}

Result<std::optional<Received<Hello>>> parse_hello(ByteSpan input) {
  TRY_ASSIGN(const auto preface, parse_preface(input));
  if (!preface) return std::optional<Received<Hello>>();
  Received<Hello> received;
  received.size = preface->size;
  received.message.version_oldest = preface->first;
  received.message.version_newest = preface->second;
  received.message.features = preface->features;
  TRY_ASSIGN(received.message.introduction, decode_message<ClientIntroduction>(preface->introduction));
  return std::optional(std::move(received));
}

Result<std::optional<Received<Welcome>>> parse_welcome(ByteSpan input) {
  TRY_ASSIGN(const auto preface, parse_preface(input));
  if (!preface) return std::optional<Received<Welcome>>();
  Received<Welcome> received;
  received.size = preface->size;
  received.message.version = preface->first;
  received.message.refusal = static_cast<Refusal>(preface->second);
  received.message.features = preface->features;
  TRY_ASSIGN(received.message.introduction, decode_message<ServerIntroduction>(preface->introduction));
  return std::optional(std::move(received));
}

Welcome answer_hello(const Hello& hello, const ServerIntroduction& self) {
  const uint16_t newest = std::min(hello.version_newest, kVersionNewest);
  if (newest < std::max(hello.version_oldest, kVersionOldest)) {
    return refuse(Refusal::kUnknownVersion,
                  str_cat("the client speaks protocol versions ", hello.version_oldest, " to ",
                          hello.version_newest, ", this server ", kVersionOldest, " to ", kVersionNewest));
  }
  Welcome welcome;
  welcome.version = newest;
  welcome.features = hello.features & kFeatures;
  welcome.introduction = self;
  return welcome;
}

Welcome refuse(const Error& error) {
  return refuse(error.code() == ErrorCode::kUnauthenticated ? Refusal::kWrongMagic : Refusal::kMalformed,
                error.text());
}

Welcome refuse(Refusal reason, std::string text) {
  Welcome welcome;
  welcome.refusal = reason;
  welcome.introduction.refusal = std::move(text);
  return welcome;
}

Status check_welcome(const Hello& hello, const Welcome& welcome) {
  if (welcome.refusal == Refusal::kTooManyConnections)
    return Error(ErrorCode::kUnavailable, str_cat("the server refused: ", welcome.introduction.refusal));
  if (welcome.refusal != Refusal::kNone)
    return Error(ErrorCode::kFailedPrecondition,
                 str_cat("the server refused: ", welcome.introduction.refusal));
  if (welcome.version < hello.version_oldest || welcome.version > hello.version_newest) {
    return Error(ErrorCode::kFailedPrecondition,
                 str_cat("the server chose protocol version ", welcome.version, ", which wasn't offered"));
  }
  if ((welcome.features & ~hello.features) != 0)
    return Error(ErrorCode::kFailedPrecondition, "the server chose features that weren't offered");
  if (welcome.introduction.frame_body_max < kFrameBodyMaxMin)
    return Error(ErrorCode::kFailedPrecondition,
                 "the server's frame limit is below what the protocol promises");
  return {};
}

}  // namespace revd::protocol

// The encoding of every request, response and command: fields in order, varints, length prefixes.
//
// A struct is a Message when its static fields() lists its members in wire order. Its content is
// those fields, without the trailing ones that have their default (zero, empty); a Message inside
// another has a varint length before its content. A reader takes the fields that are there, leaves
// the rest at their defaults and skips bytes after the last field it knows. So fields can be added
// at the end, never moved, and a default must never change its meaning.
//
// Pure functions. Decoding takes any bytes: it checks lengths and counts against the bytes that
// are left before it takes memory, and bounds nesting and the number of operations. string_view
// members borrow from the input. Format with byte diagrams: README.md.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "mvcc/command/codec_read.h"
#include "mvcc/command/codec_traits.h"
#include "mvcc/command/codec_write.h"

namespace revd {

struct DecodeLimits {
  uint32_t nesting = 136;       // messages within each other: 128 transactions and what they hold
  uint32_t operations = 65536;  // operations and compares in one message, nested ones included
};

// Appends the content of `message` (no length in front: a frame or an entry has its own).
template <Message T>
void encode_message(const T& message, std::string& out) {
  const size_t size = codec::content_size(message);
  out.reserve(out.size() + size);
  ByteWriter writer(out);
  codec::write_content(writer, message, size);
}

template <Message T>
std::string encode_message(const T& message) {
  std::string out;
  encode_message(message, out);
  return out;
}

// How many bytes encode_message would append.
template <Message T>
size_t encoded_size(const T& message) {
  return codec::content_size(message);
}

// Reads one message that takes all of `bytes`. InvalidArgument if they aren't one.
template <Message T>
Result<T> decode_message(ByteSpan bytes, DecodeLimits limits = {}) {
  T message{};
  ByteReader reader(bytes);
  codec::Budget budget{limits.nesting, limits.operations};
  codec::read_content(reader, budget, message);
  if (!reader.ok()) return Error(ErrorCode::kInvalidArgument, "malformed message");
  return message;
}

}  // namespace revd

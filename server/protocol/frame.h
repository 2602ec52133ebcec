// Frames: the fixed header and checksum around everything after the handshake.
//
// Pure functions over bytes that the caller owns; parsed bodies are views into the input. Any bytes
// may be parsed: what isn't a frame is an error, never a CHECK, and the length is judged from the
// header alone, before anyone takes memory for the body. Format: README.md, "Frames".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace revd::protocol {

inline constexpr size_t kFrameHeaderSize = 20;
// A frame's body may be this much larger than the largest request.
inline constexpr uint32_t kFrameOverheadMax = 64 * 1024;

// Flags of the low byte must be understood; unknown ones of the high byte are ignored.
inline constexpr uint16_t kFlagMore = 0x0001;   // the message goes on in the next frame of this request id
inline constexpr uint16_t kFlagOpen = 0x0002;   // more answers to this request will follow this one
inline constexpr uint16_t kFlagError = 0x0004;  // the body is an error answer
inline constexpr uint16_t kFlagsUnderstood = kFlagMore | kFlagOpen | kFlagError;
inline constexpr uint16_t kFlagsCritical = 0x00ff;

struct FrameHeader {
  uint32_t length = 0;  // of the body
  uint16_t type = 0;    // methods.h
  uint16_t flags = 0;
  uint64_t request_id = 0;
  uint32_t checksum = 0;

  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

// The low half of XXH3-64 over the header's first 16 bytes and the body's XXH3-64.
uint32_t frame_checksum(ByteSpan header_bytes, ByteSpan body);

// Appends the header that belongs to `body`.
void append_frame_header(uint16_t type, uint16_t flags, uint64_t request_id, ByteSpan body, std::string& out);
// Appends a whole frame.
void append_frame(uint16_t type, uint16_t flags, uint64_t request_id, ByteSpan body, std::string& out);
// Appends a message as one frame, or as several with kFlagMore in all but the last, of at most
// `body_bytes_max` (not 0) each.
void append_message(uint16_t type, uint16_t flags, uint64_t request_id, ByteSpan message,
                    size_t body_bytes_max, std::string& out);

struct Frame {
  FrameHeader header;
  ByteSpan body;    // borrows from the input
  size_t size = 0;  // of header and body

  bool has(uint16_t flag) const { return (header.flags & flag) != 0; }
};

// The frame at the front of `input`, or nothing if more bytes are needed. kInvalidArgument: it is
// longer than allowed, damaged, or has a critical flag that isn't understood; the stream is lost then.
Result<std::optional<Frame>> parse_frame(ByteSpan input, uint32_t body_bytes_max);
// How many bytes the frame at the front takes: of a header at least. Trust it only after parse_frame
// has found nothing wrong.
size_t frame_size(ByteSpan input);

}  // namespace revd::protocol

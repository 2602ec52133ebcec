#include "server/protocol/frame.h"

#include <algorithm>

#include "base/hash.h"
#include "base/strings.h"

namespace revd::protocol {

namespace {

constexpr size_t kHashedHeaderSize = 16;

FrameHeader decode_header(ByteSpan bytes) {
  ByteReader reader(bytes);
  FrameHeader header;
  header.length = reader.u32();
  header.type = reader.u16();
  header.flags = reader.u16();
  header.request_id = reader.u64();
  header.checksum = reader.u32();
  return header;
}

}  // namespace

uint32_t frame_checksum(ByteSpan header_bytes, ByteSpan body) {
  std::byte hashed[kHashedHeaderSize + sizeof(uint64_t)];
  std::copy_n(header_bytes.begin(), kHashedHeaderSize, hashed);
  store_le<uint64_t>(hashed + kHashedHeaderSize, xxh3_64(body));
  return static_cast<uint32_t>(xxh3_64(hashed));
}

void append_frame_header(uint16_t type, uint16_t flags, uint64_t request_id, ByteSpan body,
                         std::string& out) {
  std::byte header[kFrameHeaderSize];
  store_le(header, static_cast<uint32_t>(body.size()));
  store_le(header + 4, type);
  store_le(header + 6, flags);
  store_le(header + 8, request_id);
  store_le(header + kHashedHeaderSize, frame_checksum(header, body));
  out.append(as_view(header));
}

void append_frame(uint16_t type, uint16_t flags, uint64_t request_id, ByteSpan body, std::string& out) {
  append_frame_header(type, flags, request_id, body, out);
  out.append(as_view(body));
}

void append_message(uint16_t type, uint16_t flags, uint64_t request_id, ByteSpan message,
                    size_t body_bytes_max, std::string& out) {
  CHECK(body_bytes_max > 0);
  while (message.size() > body_bytes_max) {
    append_frame(type, flags | kFlagMore, request_id, message.first(body_bytes_max), out);
    message = message.subspan(body_bytes_max);
  }
  append_frame(type, flags, request_id, message, out);
}

Result<std::optional<Frame>> parse_frame(ByteSpan input, uint32_t body_bytes_max) {
  if (input.size() < sizeof(uint32_t)) return std::optional<Frame>();
  const auto length = load_le<uint32_t>(input.data());
  if (length > body_bytes_max) {
    return Error(ErrorCode::kInvalidArgument,
                 str_cat("a frame of ", length, " bytes; at most ", body_bytes_max, " are allowed"));
  }
  if (input.size() < kFrameHeaderSize + length) return std::optional<Frame>();
  const FrameHeader header = decode_header(input.first(kFrameHeaderSize));
  const ByteSpan body = input.subspan(kFrameHeaderSize, length);
  if (frame_checksum(input.first(kHashedHeaderSize), body) != header.checksum)
    return Error(ErrorCode::kInvalidArgument, "a frame was damaged on its way (wrong checksum)");
  if ((header.flags & kFlagsCritical & ~kFlagsUnderstood) != 0)
    return Error(ErrorCode::kInvalidArgument, str_cat("a frame has unknown flags: ", header.flags));
  return std::optional<Frame>(Frame{header, body, kFrameHeaderSize + length});
}

size_t frame_size(ByteSpan input) {
  if (input.size() < sizeof(uint32_t)) return kFrameHeaderSize;
  return kFrameHeaderSize + load_le<uint32_t>(input.data());
}

}  // namespace revd::protocol

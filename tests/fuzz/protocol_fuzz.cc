// Any bytes into every decoder of the protocol: the first byte chooses which, and whether the rest
// is taken as it is or put into a valid frame first (which random bytes would never make).
#include <cstdint>

#include "server/protocol/handshake.h"
#include "server/protocol/messages.h"

namespace {

using namespace revd;            // NOLINT(google-build-using-namespace)
using namespace revd::protocol;  // NOLINT(google-build-using-namespace)

void parse_frames(ByteSpan input) {
  while (true) {
    const auto frame = parse_frame(input, 4096);
    if (!frame.ok() || !frame->has_value()) return;
    (void)decode_request((*frame)->header.type, (*frame)->body).ok();
    (void)decode_answer((*frame)->header.type, (*frame)->has(kFlagError), (*frame)->body).ok();
    input = input.subspan((*frame)->size);
  }
}

// What decodes must encode to something that decodes to the same.
void round_trip(uint16_t type, ByteSpan body) {
  const auto decoded = decode_request(type, body);
  if (!decoded.ok()) return;
  const auto again = decode_request(type, as_bytes(encode_request(decoded->header, decoded->request)));
  CHECK(again.ok() && again->request == decoded->request && again->header == decoded->header);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const ByteSpan input = std::as_bytes(std::span(data + 2, size - 2));
  switch (data[0] % 5) {
    case 0: (void)parse_hello(input).ok(); break;
    case 1: (void)parse_welcome(input).ok(); break;
    case 2: parse_frames(input); break;
    case 3: round_trip(data[1], input); break;
    default:
      (void)decode_answer(data[1], (data[0] & 0x80) != 0, input).ok();
      (void)decode_goodbye(input).text();
  }
  return 0;
}

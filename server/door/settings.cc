#include "server/door/settings.h"

#include "base/strings.h"
#include "server/protocol/frame.h"

namespace revd {

namespace {

Status at_least(const char* name, uint64_t value, uint64_t least) {
  if (value >= least) return {};
  return Error(ErrorCode::kInvalidArgument,
               str_cat(name, " is ", value, "; allowed are values of at least ", least));
}

}  // namespace

Status check(const DoorSettings& settings) {
  constexpr uint32_t kRequestBytesTop = 512U << 20;
  TRY(at_least("connections_max", settings.connections_max, 1));
  TRY(at_least("memory_bytes_max", settings.memory_bytes_max, 1 << 20));
  TRY(at_least("request_bytes_max", settings.request_bytes_max, 1024));
  if (settings.request_bytes_max > kRequestBytesTop) {
    return Error(ErrorCode::kInvalidArgument, str_cat("request_bytes_max is ", settings.request_bytes_max,
                                                      "; allowed are values of at most ", kRequestBytesTop));
  }
  TRY(at_least("requests_in_flight_max", settings.requests_in_flight_max, 1));
  TRY(at_least("bytes_in_flight_max", settings.bytes_in_flight_max, 1));
  TRY(at_least("answer_bytes_queued_max", settings.answer_bytes_queued_max, 1));
  TRY(at_least("streams_max", settings.streams_max, 1));
  TRY(at_least("handshake_timeout_ms", settings.handshake_timeout_ms, 1));
  TRY(at_least("idle_timeout_ms", settings.idle_timeout_ms, 1));
  TRY(at_least("write_timeout_ms", settings.write_timeout_ms, 1));
  TRY(at_least("linger_timeout_ms", settings.linger_timeout_ms, 1));
  return at_least("drain_timeout_ms", settings.drain_timeout_ms, 1);
}

}  // namespace revd

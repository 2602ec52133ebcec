// Fuzzes the decoders of mvcc/command. The first byte chooses which; the rest is its input.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "mvcc/command/command.h"

namespace revd {
namespace {

template <typename T>
void try_message(ByteSpan bytes) {
  const Result<T> message = decode_message<T>(bytes);
  if (!message.ok()) return;
  const std::string again = encode_message(*message);
  CHECK(again.size() == encoded_size(*message));
  const Result<T> second = decode_message<T>(as_bytes(again));
  CHECK(second.ok() && *second == *message);
}

void try_command(ByteSpan bytes) {
  const Result<Command> command = decode_command(bytes);
  if (!command.ok()) return;
  const Result<Command> second = decode_command(as_bytes(encode_command(*command)));
  CHECK(second.ok() && *second == *command);
}

void try_result(ByteSpan bytes) {
  const Result<CommandResult> result = decode_command_result(bytes);
  if (!result.ok()) return;
  std::string again;
  encode_command_result(*result, again);
  const Result<CommandResult> second = decode_command_result(as_bytes(again));
  CHECK(second.ok() && *second == *result);
}

void try_one(uint8_t which, ByteSpan bytes) {
  switch (which % 10) {
    case 0: return try_command(bytes);
    case 1: return try_result(bytes);
    case 2: return try_message<TxnRequest>(bytes);
    case 3: return try_message<RangeRequest>(bytes);
    case 4: return try_message<PutRequest>(bytes);
    case 5: return try_message<WatchCreateRequest>(bytes);
    case 6: return try_message<TxnResponse>(bytes);
    case 7: return try_message<WatchResponse>(bytes);
    case 8: return try_message<LeaseTimeToLiveResponse>(bytes);
    case 9: return try_message<LeaseKeepAliveRequest>(bytes);
    default: return;
  }
}

}  // namespace
}  // namespace revd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  revd::try_one(data[0], {reinterpret_cast<const std::byte*>(data + 1), size - 1});
  return 0;
}

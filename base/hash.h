// Checksums: xxHash's XXH3, the only hash in revd's formats.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace revd {

struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};

uint64_t xxh3_64(ByteSpan bytes, uint64_t seed = 0);
Hash128 xxh3_128(ByteSpan bytes, uint64_t seed = 0);

// XXH3-64 over bytes that come in pieces; the same result as over their concatenation.
class StreamingHash {
 public:
  explicit StreamingHash(uint64_t seed = 0);
  ~StreamingHash();
  StreamingHash(const StreamingHash&) = delete;
  StreamingHash& operator=(const StreamingHash&) = delete;
  void update(ByteSpan bytes);
  uint64_t digest() const;

 private:
  void* state_;
};

}  // namespace revd

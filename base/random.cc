#include "base/random.h"

#include <bit>

namespace revd {

Random::Random(uint64_t seed) : state_{} {
  for (uint64_t& word : state_) {  // splitmix64
    seed += 0x9e3779b97f4a7c15U;
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    word = z ^ (z >> 31);
  }
}

uint64_t Random::next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Random::below(uint64_t bound) {
  CHECK(bound > 0);
  // Multiply-shift; the bias is below bound / 2^64.
  return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
}

void Random::fill(MutableByteSpan out) {
  while (!out.empty()) {
    std::byte raw[8];
    store_le(raw, next());
    const size_t count = out.size() < sizeof raw ? out.size() : sizeof raw;
    std::memcpy(out.data(), raw, count);
    out = out.subspan(count);
  }
}

Uuid Random::uuid() {
  Uuid id;
  fill(id.bytes);
  return id;
}

}  // namespace revd

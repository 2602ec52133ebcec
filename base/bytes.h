// Byte readers and writers for every format on disk and on the wire.
//
// Numbers are little-endian, except in sort keys (the _be functions). ByteReader never reads past
// its end: an underflow makes it fail for good, and the caller asks ok() once at the end.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/ids.h"

namespace revd {

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

static_assert(std::endian::native == std::endian::little, "formats are written in native order");

template <std::integral T>
T load_le(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <std::integral T>
void store_le(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}
template <std::unsigned_integral T>
T load_be(const std::byte* from) {
  const T value = load_le<T>(from);
  if constexpr (sizeof(T) == 8)
    return __builtin_bswap64(value);
  else if constexpr (sizeof(T) == 4)
    return __builtin_bswap32(value);
  else if constexpr (sizeof(T) == 2)
    return __builtin_bswap16(value);
  else
    return value;
}
template <std::unsigned_integral T>
void store_be(std::byte* to, T value) {
  if constexpr (sizeof(T) == 8)
    value = __builtin_bswap64(value);
  else if constexpr (sizeof(T) == 4)
    value = __builtin_bswap32(value);
  else if constexpr (sizeof(T) == 2)
    value = __builtin_bswap16(value);
  store_le(to, value);
}

inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_view(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads from borrowed bytes, which must outlive the reader and every view that it hands out.
class ByteReader {
 public:
  explicit ByteReader(ByteSpan bytes) : rest_(bytes) {}

  // False once anything was missing or malformed; every later read then gives zero or empty.
  bool ok() const { return ok_; }
  // ok() and nothing left over.
  bool finished() const { return ok_ && rest_.empty(); }
  size_t remaining() const { return rest_.size(); }
  void fail() {
    ok_ = false;
    rest_ = {};
  }

  template <std::integral T>
  T fixed() {
    if (rest_.size() < sizeof(T)) {
      fail();
      return T{};
    }
    const T value = load_le<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  uint8_t u8() { return fixed<uint8_t>(); }
  uint16_t u16() { return fixed<uint16_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  int64_t i64() { return fixed<int64_t>(); }

  // LEB128, at most 10 bytes; an overlong or overflowing one fails.
  uint64_t varint();
  // Zigzag-coded signed varint.
  int64_t signed_varint();
  // `length` raw bytes as a view into the input.
  ByteSpan take(size_t length);
  // A varint length, then that many bytes, as a view into the input.
  std::string_view length_prefixed();
  Uuid uuid();

 private:
  ByteSpan rest_;
  bool ok_ = true;
};

// Appends to a string that the caller owns.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  template <std::integral T>
  void fixed(T value) {
    std::byte raw[sizeof(T)];
    store_le(raw, value);
    out_.append(reinterpret_cast<const char*>(raw), sizeof raw);
  }
  void u8(uint8_t value) { fixed(value); }
  void u16(uint16_t value) { fixed(value); }
  void u32(uint32_t value) { fixed(value); }
  void u64(uint64_t value) { fixed(value); }
  void i64(int64_t value) { fixed(value); }
  void varint(uint64_t value);
  void signed_varint(int64_t value);
  void raw(ByteSpan bytes) { out_.append(as_view(bytes)); }
  void raw(std::string_view bytes) { out_.append(bytes); }
  void length_prefixed(std::string_view bytes) {
    varint(bytes.size());
    raw(bytes);
  }
  void uuid(const Uuid& id) { raw(ByteSpan(id.bytes)); }
  size_t size() const { return out_.size(); }

 private:
  std::string& out_;
};

}  // namespace revd

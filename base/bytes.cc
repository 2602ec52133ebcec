#include "base/bytes.h"

#include <algorithm>

namespace revd {

uint64_t ByteReader::varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (rest_.empty()) break;
    const auto byte = std::to_integer<uint64_t>(rest_.front());
    rest_ = rest_.subspan(1);
    if (shift == 63 && byte > 1) break;  // does not fit into 64 bits
    value |= (byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      if (byte == 0 && shift != 0) break;  // a shorter form exists
      return value;
    }
  }
  fail();
  return 0;
}

int64_t ByteReader::signed_varint() {
  const uint64_t raw = varint();
  return static_cast<int64_t>((raw >> 1) ^ (~(raw & 1) + 1));
}

ByteSpan ByteReader::take(size_t length) {
  if (rest_.size() < length) {
    fail();
    return {};
  }
  const ByteSpan taken = rest_.first(length);
  rest_ = rest_.subspan(length);
  return taken;
}

std::string_view ByteReader::length_prefixed() {
  const uint64_t length = varint();
  if (length > rest_.size()) {
    fail();
    return {};
  }
  return as_view(take(static_cast<size_t>(length)));
}

Uuid ByteReader::uuid() {
  Uuid id;
  const ByteSpan raw = take(id.bytes.size());
  std::ranges::copy(raw, id.bytes.begin());
  return id;
}

void ByteWriter::varint(uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<char>((value & 0x7f) | 0x80));
    value >>= 7;
  }
  out_.push_back(static_cast<char>(value));
}

void ByteWriter::signed_varint(int64_t value) {
  varint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

}  // namespace revd

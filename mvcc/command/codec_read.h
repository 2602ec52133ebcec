// Part of struct_codec.h: reading bytes that nobody vouches for.
#pragma once

#include <limits>
#include <tuple>

#include "base/bytes.h"
#include "mvcc/command/codec_traits.h"

namespace revd::codec {

// What one decoding has left; reading within it fails for good once anything is wrong.
struct Budget {
  uint32_t nesting;
  uint32_t operations;
};

template <Message T>
void read_content(ByteReader& reader, Budget& budget, T& message);

template <Number T>
void read_number(ByteReader& reader, T& value) {
  const uint64_t raw = reader.varint();
  if constexpr (std::is_enum_v<T>) {
    if (raw > kLargest<T>) return reader.fail();
    value = static_cast<T>(raw);
  } else if constexpr (std::is_signed_v<T>) {
    static_assert(sizeof(T) == sizeof(int64_t));
    value = static_cast<T>((raw >> 1) ^ (~(raw & 1) + 1));
  } else {
    if (raw > std::numeric_limits<T>::max()) return reader.fail();
    value = static_cast<T>(raw);
  }
}

template <typename T>
void read(ByteReader& reader, Budget& budget, T& value);

template <typename T>
void read_vector(ByteReader& reader, Budget& budget, std::vector<T>& value) {
  const uint64_t count = reader.varint();
  if (count > reader.remaining()) return reader.fail();  // every element takes a byte at least
  if constexpr (requires { T::kCounted; }) {
    if (count > budget.operations) return reader.fail();
    budget.operations -= static_cast<uint32_t>(count);
  }
  for (uint64_t i = 0; i < count && reader.ok(); ++i) read(reader, budget, value.emplace_back());
}

template <size_t Index = 1, typename... Ts>
void read_alternative(ByteReader& reader, Budget& budget, uint64_t which, std::variant<Ts...>& value) {
  if constexpr (Index < sizeof...(Ts)) {
    if (which == Index) return read(reader, budget, value.template emplace<Index>());
    return read_alternative<Index + 1>(reader, budget, which, value);
  } else {
    reader.fail();
  }
}

template <Message T>
void read_message(ByteReader& reader, Budget& budget, T& value) {
  if (budget.nesting == 0) return reader.fail();
  const std::string_view content = reader.length_prefixed();
  if (!reader.ok()) return;
  ByteReader inner(as_bytes(content));
  --budget.nesting;
  read_content(inner, budget, value);
  ++budget.nesting;
  if (!inner.ok()) reader.fail();
}

template <typename T>
void read(ByteReader& reader, Budget& budget, T& value) {
  if constexpr (Number<T>) {
    read_number(reader, value);
  } else if constexpr (IsStrongId<T>::value) {
    typename IsStrongId<T>::Number number{};
    read_number(reader, number);
    value = T(number);
  } else if constexpr (Bytes<T>) {
    value = reader.length_prefixed();
  } else if constexpr (IsOptional<T>::value) {
    const uint8_t present = reader.u8();
    if (present > 1) return reader.fail();
    if (present == 1) read(reader, budget, value.emplace());
  } else if constexpr (IsVector<T>::value) {
    read_vector(reader, budget, value);
  } else if constexpr (IsVariant<T>::value) {
    const uint64_t which = reader.varint();
    if (which != 0) read_alternative(reader, budget, which, value);
  } else if constexpr (Union<T>) {
    read(reader, budget, value.one_of);
  } else {
    read_message(reader, budget, value);
  }
}

template <Message T>
void read_content(ByteReader& reader, Budget& budget, T& message) {
  std::apply(
      [&](auto... member) {
        ((reader.remaining() > 0 ? read(reader, budget, message.*member) : void()), ...);
      },
      T::fields());
}

}  // namespace revd::codec

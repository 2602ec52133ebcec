// Part of struct_codec.h: sizes, and writing.
//
// A length stands before what it measures, so sizes are computed first; nothing is moved afterwards.
#pragma once

#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "mvcc/command/codec_traits.h"

namespace revd::codec {

constexpr size_t varint_size(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

// The varint that stands for a number: zigzag for signed ones.
template <Number T>
constexpr uint64_t to_varint(T value) {
  if constexpr (std::is_enum_v<T>) {
    return static_cast<uint64_t>(std::to_underlying(value));
  } else if constexpr (std::is_signed_v<T>) {
    return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(static_cast<int64_t>(value) >> 63);
  } else {
    return static_cast<uint64_t>(value);
  }
}

template <Message T>
size_t content_size(const T& message);

template <typename T>
size_t size_of(const T& value) {
  if constexpr (Number<T>) {
    return varint_size(to_varint(value));
  } else if constexpr (IsStrongId<T>::value) {
    return size_of(value.value());
  } else if constexpr (Bytes<T>) {
    return varint_size(value.size()) + value.size();
  } else if constexpr (IsOptional<T>::value) {
    return 1 + (value ? size_of(*value) : 0);
  } else if constexpr (IsVector<T>::value) {
    size_t size = varint_size(value.size());
    for (const auto& element : value) size += size_of(element);
    return size;
  } else if constexpr (IsVariant<T>::value) {
    return varint_size(value.index()) + std::visit([](const auto& held) { return size_of(held); }, value);
  } else if constexpr (std::same_as<T, std::monostate>) {
    return 0;
  } else if constexpr (Union<T>) {
    return size_of(value.one_of);
  } else {
    const size_t content = content_size(value);
    return varint_size(content) + content;
  }
}

template <typename T>
bool is_default(const T& value) {
  if constexpr (Number<T> || IsStrongId<T>::value) {
    return value == T{};
  } else if constexpr (Bytes<T> || IsVector<T>::value) {
    return value.empty();
  } else if constexpr (IsOptional<T>::value) {
    return !value.has_value();
  } else if constexpr (IsVariant<T>::value) {
    return value.index() == 0;
  } else if constexpr (Union<T>) {
    return is_default(value.one_of);
  } else {
    return content_size(value) == 0;
  }
}

// Up to and with the last field that isn't at its default.
template <Message T>
size_t content_size(const T& message) {
  size_t size = 0;
  size_t kept = 0;
  std::apply(
      [&](auto... member) {
        ((size += size_of(message.*member), is_default(message.*member) ? void() : void(kept = size)), ...);
      },
      T::fields());
  return kept;
}

template <Message T>
void write_content(ByteWriter& writer, const T& message, size_t size);

template <typename T>
void write(ByteWriter& writer, const T& value) {
  if constexpr (Number<T>) {
    writer.varint(to_varint(value));
  } else if constexpr (IsStrongId<T>::value) {
    write(writer, value.value());
  } else if constexpr (Bytes<T>) {
    writer.length_prefixed(value);
  } else if constexpr (IsOptional<T>::value) {
    writer.u8(value ? 1 : 0);
    if (value) write(writer, *value);
  } else if constexpr (IsVector<T>::value) {
    writer.varint(value.size());
    for (const auto& element : value) write(writer, element);
  } else if constexpr (IsVariant<T>::value) {
    writer.varint(value.index());
    std::visit([&](const auto& held) { write(writer, held); }, value);
  } else if constexpr (Union<T>) {
    write(writer, value.one_of);
  } else if constexpr (!std::same_as<T, std::monostate>) {
    const size_t content = content_size(value);
    writer.varint(content);
    write_content(writer, value, content);
  }
}

template <Message T>
void write_content(ByteWriter& writer, const T& message, size_t size) {
  const size_t end = writer.size() + size;
  std::apply([&](auto... member) { ((writer.size() < end ? write(writer, message.*member) : void()), ...); },
             T::fields());
}

}  // namespace revd::codec

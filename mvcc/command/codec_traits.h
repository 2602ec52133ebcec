// Part of struct_codec.h: how a field's type decides its encoding.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "mvcc/command/requests.h"
#include "mvcc/command/types.h"

namespace revd {

template <typename T>
concept Message = requires { T::fields(); };

// A struct whose one member `one_of` is a variant; it is encoded as that.
template <typename T>
concept Union = requires(const T& value) { value.one_of; };

namespace codec {

// The largest value that decoding accepts; where any is, a later check answers better than "malformed".
template <typename E>
inline constexpr uint8_t kLargest = 255;
template <>
inline constexpr uint8_t kLargest<CompareTarget> = 4;
template <>
inline constexpr uint8_t kLargest<CompareResult> = 3;
template <>
inline constexpr uint8_t kLargest<EventType> = 1;

template <typename T>
struct IsStrongId : std::false_type {};
template <typename Tag, typename Int>
struct IsStrongId<StrongId<Tag, Int>> : std::true_type {
  using Number = Int;
};
template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <typename T>
struct IsVariant : std::false_type {};
template <typename... Ts>
struct IsVariant<std::variant<std::monostate, Ts...>> : std::true_type {};

template <typename T>
concept Bytes = std::same_as<T, std::string> || std::same_as<T, std::string_view>;
template <typename T>
concept Number = std::integral<T> || std::is_enum_v<T>;

}  // namespace codec
}  // namespace revd

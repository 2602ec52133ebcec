// str_cat and friends: the little text building that the core needs.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace revd {

namespace strings_internal {
inline std::string_view piece(std::string_view text) { return text; }
inline std::string_view piece(const char* text) { return text; }
inline std::string_view piece(const std::string& text) { return text; }
template <typename N>
  requires std::integral<N> || std::floating_point<N>
std::string piece(N number) {
  return std::to_string(number);
}
}  // namespace strings_internal

// "abc" from str_cat("a", some_string, 7): strings, string views and numbers.
template <typename... Pieces>
std::string str_cat(const Pieces&... pieces) {
  std::string out;
  (out.append(strings_internal::piece(pieces)), ...);
  return out;
}

// "00000000000000ff": fixed 16 digits.
std::string to_hex(uint64_t number);

// Bytes for people: printable ASCII as it is, everything else (and backslash) as \xNN.
std::string escape_bytes(std::string_view bytes);

}  // namespace revd

// KeyRange: which keys a request means (mvcc rules 9 and 10).
//
// A value of two views and a kind; it borrows the bytes of the request. Keys are compared as
// unsigned bytes. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace revd {

class KeyRange {
 public:
  enum class Kind : uint8_t { kSingle, kHalfOpen, kFromKey };

  // `range_end` empty: one key; "\0": every key >= `key`; otherwise [key, range_end).
  static KeyRange of(std::string_view key, std::string_view range_end);
  // The same for a watch, where an empty key stands for the smallest, "\0".
  static KeyRange of_watch(std::string_view key, std::string_view range_end);
  static KeyRange single(std::string_view key) { return {Kind::kSingle, key, {}}; }
  static KeyRange all();

  Kind kind() const { return kind_; }
  bool is_single() const { return kind_ == Kind::kSingle; }
  // The first key that could be in it.
  std::string_view begin() const { return begin_; }
  // The first key after it; only of a half-open one.
  std::string_view end() const { return end_; }

  // No key can be in it (half-open with begin >= end).
  bool empty() const { return kind_ == Kind::kHalfOpen && begin_ >= end_; }
  bool contains(std::string_view key) const { return key >= begin_ && ends_after(key); }
  // `key`, and so everything below it, comes before the range's end. For scans that go up from begin().
  bool ends_after(std::string_view key) const;
  // Some key can be in both.
  bool overlaps(const KeyRange& other) const;

 private:
  KeyRange(Kind kind, std::string_view begin, std::string_view end) : kind_(kind), begin_(begin), end_(end) {}

  Kind kind_;
  std::string_view begin_;
  std::string_view end_;
};

// The range_end that makes [prefix, range_end) the keys with that prefix; "\0" if nothing comes after them.
std::string prefix_end(std::string_view prefix);

}  // namespace revd

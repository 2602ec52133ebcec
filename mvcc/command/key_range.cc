#include "mvcc/command/key_range.h"

namespace revd {
namespace {
constexpr std::string_view kZeroByte("\0", 1);
}

KeyRange KeyRange::of(std::string_view key, std::string_view range_end) {
  if (range_end.empty()) return {Kind::kSingle, key, {}};
  if (range_end == kZeroByte) return {Kind::kFromKey, key, {}};
  return {Kind::kHalfOpen, key, range_end};
}

KeyRange KeyRange::of_watch(std::string_view key, std::string_view range_end) {
  return of(key.empty() ? kZeroByte : key, range_end);
}

KeyRange KeyRange::all() { return {Kind::kFromKey, kZeroByte, {}}; }

bool KeyRange::ends_after(std::string_view key) const {
  switch (kind_) {
    case Kind::kSingle: return key <= begin_;
    case Kind::kHalfOpen: return key < end_;
    case Kind::kFromKey: return true;
  }
  return false;
}

bool KeyRange::overlaps(const KeyRange& other) const {
  if (empty() || other.empty()) return false;
  return ends_after(other.begin_) && other.ends_after(begin_);
}

std::string prefix_end(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty()) return std::string(kZeroByte);
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace revd

// Strong types for ids and indexes, so that a term can't be passed where an index is meant.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace revd {

// An integer with a name. Ordered; next() is the only arithmetic, value() the way out.
template <typename Tag, typename Int = uint64_t>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(Int value) : value_(value) {}
  constexpr Int value() const { return value_; }
  constexpr StrongId next() const { return StrongId(static_cast<Int>(value_ + 1)); }
  friend constexpr auto operator<=>(StrongId, StrongId) = default;

 private:
  Int value_ = 0;
};

// Position in the replicated log; the first entry is 1, 0 means "before the first".
using LogIndex = StrongId<struct LogIndexTag>;
// A leader's reign; 0 means none yet.
using Term = StrongId<struct TermTag>;
// Nanoseconds of log time: grows only while a leader writes entries (mvcc rule 19).
using LogTime = StrongId<struct LogTimeTag, int64_t>;
using ClusterId = StrongId<struct ClusterIdTag>;
using NodeId = StrongId<struct NodeIdTag>;  // a member of a group; 0 means none

// 128 random bits that name a file, log or node.
struct Uuid {
  std::array<std::byte, 16> bytes{};
  friend constexpr bool operator==(const Uuid&, const Uuid&) = default;
  // The first eight bytes, little-endian: enough to tell foreign bytes apart.
  uint64_t short_form() const;
  std::string to_string() const;  // 8-4-4-4-12 hexadecimal
};

}  // namespace revd

template <typename Tag, typename Int>
struct std::hash<revd::StrongId<Tag, Int>> {
  size_t operator()(revd::StrongId<Tag, Int> id) const noexcept { return std::hash<Int>{}(id.value()); }
};

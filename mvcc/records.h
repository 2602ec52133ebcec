// The bytes in the trees R and K: records of changes, and the index entries of keys.
//
// Pure functions and plain values. Decoding takes bytes from a disk: it checks every length and answers
// kDataLoss; views borrow from the input. Formats with byte diagrams: mvcc/README.md, "Trees".
// Limits: a revision has at most 2^32 changes; a record whose key and value take more than kInlineBytes
// keeps them in an entry of their own, so that walking a key's history never reads a long value.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "mvcc/command/types.h"

namespace revd {

inline constexpr size_t kInlineBytes = 3072;

// ---- Keys of R: main and sub, big-endian. ----
inline constexpr size_t kRevisionKeyBytes = 12;
class RevisionKey {
 public:
  explicit RevisionKey(const Revision& at, bool rest = false);
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, kRevisionKeyBytes + 1> bytes_;  // the last one only of a rest: it sorts right behind
  size_t size_;
};
struct ParsedRevisionKey {
  Revision at;
  bool rest = false;
};
Result<ParsedRevisionKey> parse_revision_key(std::string_view bytes);

// ---- Links of a key's chain. ----
// Each change of a key links to the one before it and further back: change number d (its depth, from 0)
// jumps back over 2^k - 1 changes, the way skew-binary numbers count, so that any old change is O(log d)
// links away. The spine of a change is the chain of its jumps; its depths follow from d alone.
class Spine {
 public:
  static constexpr size_t kMax = 64;

  size_t size() const { return size_; }
  void clear() { size_ = 0; }
  const Revision& operator[](size_t i) const { return at_[i]; }
  // Where the change jumps to. Requires size() > 0.
  const Revision& jump() const { return at_[0]; }
  void push_back(const Revision& at);
  // The spine of the change after `newest`, which has this spine and `depth`.
  void advance(const Revision& newest, uint64_t depth);
  // How many links a change of that depth has in its spine.
  static size_t size_at(uint64_t depth);

 private:
  std::array<Revision, kMax> at_;
  size_t size_ = 0;
};

// ---- R: one change of one key. ----
struct Record {
  bool tombstone = false;
  bool has_prev = false;
  bool prev_has_rest = false;  // whether the change before keeps its key and value in a rest
  bool has_rest = false;       // whether this one does
  int64_t create = 0;          // of a put; so are version and lease
  int64_t version = 0;
  LeaseId lease{};
  uint64_t depth = 0;
  Revision prev;  // with has_prev; so is jump
  Revision jump;
  std::string_view key;  // both empty as decoded if has_rest; they are the rest's then
  std::string_view value;
};

// Appends the head to `head`; with has_rest also fills `rest`. has_rest must be needs_rest(record).
bool needs_rest(std::string_view key, std::string_view value);
void encode_record(int64_t main, const Record& record, std::string& head, std::string& rest);
Result<Record> decode_record(int64_t main, std::string_view head);
// Adds key and value from the rest's bytes.
Status decode_rest(std::string_view rest, Record& record);

// ---- K: the newest change of a key. ----
struct KeyEntry {
  bool tombstone = false;
  bool has_rest = false;
  Revision at;
  int64_t create = 0;  // of a put; so are version and lease
  int64_t version = 0;
  LeaseId lease{};
  uint64_t depth = 0;
  Spine spine;
};

void encode_key_entry(const KeyEntry& entry, std::string& out);
// Replaces what `entry` holds. `with_spine` false leaves the spine empty (for reads at the present).
Status decode_key_entry(std::string_view bytes, KeyEntry& entry, bool with_spine = true);

}  // namespace revd

// What the node tests share: pages with guard bytes, random keys of every awkward kind, and a stand-in
// for overflow objects.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "btree/node.h"
#include "btree/overflow_format.h"

namespace revd::btree {

// A page's bytes; new ones are filled with rubbish, so that nothing relies on zeros.
class TestPage {
 public:
  explicit TestPage(size_t bytes) : bytes_(bytes, std::byte{0xA5}) {}
  MutableByteSpan span() { return bytes_; }
  ByteSpan view() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

// Overflow objects by the dirty id that refers to them.
class OverflowStore {
 public:
  OverflowRef add(std::string bytes, size_t inline_bytes) {
    const DirtyId id(next_++);
    const PageType type = bytes.size() <= kOverflowDataBytes ? PageType::kOverflow : PageType::kOverflowIndex;
    const OverflowRef ref{.total_bytes = static_cast<uint32_t>(bytes.size() + inline_bytes),
                          .root = PagePointer::dirty(type, id)};
    objects_[id.value()] = std::move(bytes);
    return ref;
  }
  Result<std::string> load(const OverflowRef& ref) const { return objects_.at(ref.root.dirty_id().value()); }

  // The bytes must outlive the CellKey.
  CellKey cell_key(std::string_view key) {
    if (key.size() <= kMaxInlineKeyBytes) return {.inline_part = key, .rest = std::nullopt};
    return {.inline_part = key.substr(0, kMaxInlineKeyBytes),
            .rest = add(std::string(key.substr(kMaxInlineKeyBytes)), kMaxInlineKeyBytes)};
  }
  CellValue cell_value(size_t page_bytes, std::string_view key, std::string_view value) {
    if (!plan_cell(page_bytes, key.size(), value.size()).value_overflows)
      return {.bytes = value, .overflow = {}};
    return {.bytes = {}, .overflow = add(std::string(value), 0)};
  }
  std::string whole(const CellKey& key) const {
    return std::string(key.inline_part) + (key.rest ? load(*key.rest).value() : std::string());
  }
  std::string whole_key(const NodeView& node, size_t i) const { return whole(node.owned_key(i).view()); }
  std::string whole_value(const LeafView& leaf, size_t i) const {
    return leaf.value_overflows(i) ? load(leaf.value_overflow(i)).value() : std::string(leaf.value(i));
  }
  auto loader() const {
    return [this](const OverflowRef& ref) { return load(ref); };
  }

 private:
  std::map<uint64_t, std::string> objects_;
  uint64_t next_ = 1;
};

// Keys of one style each, or of all styles mixed.
class KeyMaker {
 public:
  explicit KeyMaker(Random random, int style) : random_(random), style_(style) {}
  static constexpr int kStyles = 7;  // the last one mixes the others

  std::string operator()() {
    switch (style_ == kStyles - 1 ? static_cast<int>(random_.below(kStyles - 1)) : style_) {
      case 0: return binary(random_.below(6));
      case 1: return "tenant/00042/key/" + std::to_string(100000 + random_.below(1000));
      case 2: return binary(16 + random_.below(20));
      case 3: return near_limit();
      case 4: return std::string(random_.below(40), '\xff') + binary(random_.below(2));
      default: return std::string(500, 'p') + binary(random_.below(4)) + std::string(random_.below(400), 'q');
    }
  }

 private:
  std::string binary(uint64_t length) {
    static constexpr std::string_view kBytes(
        "\x00\x01\x7f\x80\xff"
        "ab",
        7);
    std::string out;
    for (uint64_t i = 0; i < length; ++i) out.push_back(kBytes[random_.below(kBytes.size())]);
    return out;
  }
  // Around kMaxInlineKeyBytes, mostly with the same inline part.
  std::string near_limit() {
    std::string out(kMaxInlineKeyBytes - 4, 'x');
    if (random_.chance(1, 8)) out[random_.below(out.size())] = 'y';
    return out + std::string(random_.below(4), 'x') + binary(random_.below(8));
  }

  Random random_;
  int style_;
};

inline void expect_valid(const NodeView& node) {
  const Status status = validate_node(node.page(), {.level = node.level(), .dirty_pointers_allowed = true});
  ASSERT_TRUE(status.ok()) << status.error().describe();
}

}  // namespace revd::btree

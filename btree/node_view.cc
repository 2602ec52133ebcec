#include "btree/node_view.h"

#include <cstring>

namespace revd::btree {

OverflowRef OverflowRef::load(const std::byte* from) {
  return {.total_bytes = load_le<uint32_t>(from), .root = PagePointer::load(from + 4)};
}

void OverflowRef::store(std::byte* to) const {
  store_le(to, total_bytes);
  root.store(to + 4);
}

uint32_t key_head(std::string_view suffix) {
  const auto* bytes = reinterpret_cast<const std::byte*>(suffix.data());
  if (suffix.size() >= kHeadBytes) [[likely]]
    return load_be<uint32_t>(bytes);
  uint32_t head = 0;
  for (size_t i = 0; i < suffix.size(); ++i) head |= std::to_integer<uint32_t>(bytes[i]) << (24 - 8 * i);
  return head;
}

size_t common_prefix_bytes(std::string_view a, std::string_view b) {
  const size_t limit = std::min(a.size(), b.size());
  size_t i = 0;
  while (i < limit && a[i] == b[i]) ++i;
  return i;
}

std::string_view shortest_separator(std::string_view left, std::string_view right) {
  const size_t common = common_prefix_bytes(left, right);
  CHECK(common < right.size());
  return right.substr(0, common + 1);
}

std::string_view NodeView::prefix() const {
  const size_t bytes = prefix_bytes();
  return as_view({page_ + page_bytes_ - bytes, bytes});
}

std::string_view NodeView::suffix(size_t i) const {
  const std::byte* at = cell(i);
  return as_view({at + kCellHeaderBytes, load_le<uint16_t>(at) & size_t{kLengthMask}});
}

size_t NodeView::payload_offset(size_t i) const {
  const uint16_t word = key_word(i);
  return slot(i) + kCellHeaderBytes + (word & kLengthMask) +
         ((word & kOverflowFlag) != 0 ? kOverflowRefBytes : 0);
}

std::optional<OverflowRef> NodeView::key_rest(size_t i) const {
  if (!key_overflows(i)) return std::nullopt;
  return OverflowRef::load(page_ + payload_offset(i) - kOverflowRefBytes);
}

size_t NodeView::inline_key_bytes(size_t i) const {
  return i < first_key_slot() ? 0 : prefix_bytes() + suffix(i).size();
}

size_t NodeView::key_bytes(size_t i) const {
  const auto rest = key_rest(i);
  return rest ? rest->total_bytes : inline_key_bytes(i);
}

void NodeView::append_inline_key(size_t i, std::string& out) const {
  if (i < first_key_slot()) return;
  out.append(prefix()).append(suffix(i));
}

OwnedKey NodeView::owned_key(size_t i) const {
  OwnedKey key{.inline_part = {}, .rest = key_rest(i)};
  append_inline_key(i, key.inline_part);
  return key;
}

size_t NodeView::used_bytes() const {
  return kNodeHeadsAt + count() * (kHeadBytes + kSlotBytes) + live_cell_bytes() + prefix_bytes();
}

unsigned NodeView::fill_percent() const {
  return static_cast<unsigned>((used_bytes() - kNodeHeadsAt) * 100 / (page_bytes_ - kNodeHeadsAt));
}

namespace {

int compare_bytes(std::string_view a, std::string_view b, size_t length) {
  return length == 0 ? 0 : std::memcmp(a.data(), b.data(), length);
}

// How a cell's key compares with a searched key, the prefix of both cut off.
KeyOrder compare_suffix(std::string_view cell, bool cell_overflows, std::string_view searched) {
  const int order = compare_bytes(cell, searched, std::min(cell.size(), searched.size()));
  if (order != 0) return order < 0 ? KeyOrder::kLess : KeyOrder::kGreater;
  // A long key's inline part is full: whatever ties with all of it and goes on is long, too.
  if (cell_overflows) return searched.size() > cell.size() ? KeyOrder::kTie : KeyOrder::kGreater;
  if (cell.size() == searched.size()) return KeyOrder::kEqual;
  return cell.size() < searched.size() ? KeyOrder::kLess : KeyOrder::kGreater;
}

// The first of heads [low, high) that is not below `head`. The multiplication keeps the compiler from
// making a branch that a random search mispredicts every other time.
size_t lower_head(const std::byte* heads, size_t low, size_t high, uint32_t head) {
  size_t rest = high - low;
  while (rest > 1) {
    const size_t half = rest / 2;
    low += half * static_cast<size_t>(load_le<uint32_t>(heads + (low + half - 1) * kHeadBytes) < head);
    rest -= half;
  }
  return low + (rest == 1 ? static_cast<size_t>(load_le<uint32_t>(heads + low * kHeadBytes) < head) : 0);
}

Position place(size_t index) { return {.index = static_cast<uint16_t>(index), .tie_end = 0, .exact = false}; }

}  // namespace

KeyOrder NodeView::compare(size_t i, std::string_view key) const {
  if (i < first_key_slot()) return KeyOrder::kLess;
  const std::string_view shared = prefix();
  const int order = compare_bytes(shared, key, std::min(shared.size(), key.size()));
  if (order != 0) return order < 0 ? KeyOrder::kLess : KeyOrder::kGreater;
  if (key.size() < shared.size()) return KeyOrder::kGreater;
  return compare_suffix(suffix(i), key_overflows(i), key.substr(shared.size()));
}

Position NodeView::search(std::string_view key) const {
  const size_t end = count();
  size_t low = first_key_slot();
  if (low >= end) return place(end);
  if (const size_t shared = prefix_bytes(); shared != 0) {
    const int order = compare_bytes(key, prefix(), std::min(shared, key.size()));
    if (order != 0) return place(order < 0 ? low : end);
    if (key.size() < shared) return place(low);
    key.remove_prefix(shared);
  }

  const std::byte* heads = page_ + kNodeHeadsAt;
  // A long key's cell has no bytes beyond its inline part: neither may the searched key's head.
  const uint32_t head = key_head(key.substr(0, kMaxInlineKeyBytes - prefix_bytes()));
  low = lower_head(heads, low, end, head);
  if (low == end || load_le<uint32_t>(heads + low * kHeadBytes) != head) return place(low);
  size_t high = low + 1;
  if (high < end && load_le<uint32_t>(heads + high * kHeadBytes) == head)
    high = head == UINT32_MAX ? end : lower_head(heads, high, end, head + 1);

  // Cells [low, high) have the same head as the key: their bytes decide.
  const size_t run_begin = low;
  const size_t run_end = high;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    switch (compare_suffix(suffix(middle), key_overflows(middle), key)) {
      case KeyOrder::kLess: low = middle + 1; break;
      case KeyOrder::kGreater: high = middle; break;
      case KeyOrder::kEqual: return {.index = static_cast<uint16_t>(middle), .tie_end = 0, .exact = true};
      case KeyOrder::kTie: {
        const auto ties = [&](size_t i) {
          return compare_suffix(suffix(i), key_overflows(i), key) == KeyOrder::kTie;
        };
        for (low = middle; low > run_begin && ties(low - 1); --low) continue;
        for (high = middle + 1; high < run_end && ties(high); ++high) continue;
        return {.index = static_cast<uint16_t>(low), .tie_end = static_cast<uint16_t>(high), .exact = false};
      }
    }
  }
  return place(low);
}

std::string_view LeafView::value(size_t i) const {
  CHECK(!value_overflows(i));
  return as_view({page_ + payload_offset(i), payload_bytes(i)});
}

size_t LeafView::value_bytes(size_t i) const {
  return value_overflows(i) ? value_overflow(i).total_bytes : payload_bytes(i);
}

CellValue LeafView::cell_value(size_t i) const {
  if (value_overflows(i)) return {.bytes = {}, .overflow = value_overflow(i)};
  return {.bytes = value(i), .overflow = std::nullopt};
}

}  // namespace revd::btree

#include <algorithm>

#include "base/check.h"
#include "btree/node_internal.h"

namespace revd::btree {

void NodeEditor::init(uint8_t level) {
  CHECK(is_node_page_size(page_bytes()) && level <= kMaxLevel);
  std::memset(out_, 0, page_bytes());
  store_le(out_ + kNodeVersionAt, kNodeVersion);
  store_le(out_ + kNodeLevelAt, level);
  set_u16(kNodeHeapStartAt, page_bytes());
}

// Room, exactly. With k keys in the node and a prefix changed from P to p bytes, the cells take
// live + k * (P - p); so whether any prefix makes the new cell fit is known without touching a cell.
NodeEditor::InsertPlan NodeEditor::plan_insert(const CellParts& cell, std::optional<size_t> replaced) const {
  const size_t cells = count() - (replaced ? 1 : 0);
  const size_t keys = cells - std::min(cells, first_key_slot());
  const size_t live = live_cell_bytes() - (replaced ? cell_bytes(*replaced) : 0);
  const size_t old_prefix = prefix_bytes();
  const size_t fixed = kNodeHeadsAt + cells * (kHeadBytes + kSlotBytes);
  const auto used_with = [&](size_t prefix) {
    return fixed + prefix + live + keys * old_prefix - keys * prefix + cell.bytes(prefix);
  };

  const std::string_view key = cell.key_end;  // callers hand over the key in one piece
  const size_t kept = keys == 0 ? 0 : common_prefix_bytes(prefix(), key);
  if (kept < old_prefix)
    return {.fits = used_with(kept) <= page_bytes(), .rebuild = true, .max_prefix_bytes = kept};
  if (!replaced && cell.bytes(old_prefix) <= gap_bytes()) return {.fits = true};
  if (replaced || keys == 0)
    return {.fits = used_with(kept) <= page_bytes(), .rebuild = true, .max_prefix_bytes = kept};

  // All keys of the node and the new one share what the first and the last share with it.
  const CellSource source(*this);
  const size_t in_node = source.shared_prefix_bytes(0, count());
  const CellParts first = source.at(first_key_slot());
  size_t longest = std::min(in_node, first.key_begin.size());
  const size_t limit = std::min(in_node, key.size());
  while (longest < limit && key[longest] == first.key_end[longest - first.key_begin.size()]) ++longest;
  return {.fits = used_with(longest) <= page_bytes(), .rebuild = true, .max_prefix_bytes = longest};
}

bool NodeEditor::insert(size_t index, const CellParts& cell) {
  CHECK(index <= count() && index >= first_key_slot());
  CHECK(cell.bytes(0) <= max_cell_bytes(page_bytes()) + kHeadBytes + kSlotBytes);
  const InsertPlan plan = plan_insert(cell, std::nullopt);
  if (!plan.fits) return false;
  if (plan.rebuild) rebuild(plan.max_prefix_bytes);
  place(index, cell);
  // A node filled in order starts with a prefix of nothing; it is lengthened a few times while it grows,
  // so that the heads tell the keys apart.
  const size_t cells = count();
  if (cells >= 8 && (cells & (cells - 1)) == 0 &&
      CellSource(*this).shared_prefix_bytes(0, cells) > prefix_bytes())
    compactify();
  return true;
}

void NodeEditor::place(size_t index, const CellParts& cell) {
  const size_t old_count = count();
  const size_t prefix = prefix_bytes();
  const size_t bytes = cell.bytes(prefix);
  CHECK(bytes <= gap_bytes());
  const size_t at = heap_start() - (bytes - kHeadBytes - kSlotBytes);
  const uint32_t new_head = write_cell(out_ + at, cell, prefix);

  std::byte* heads = out_ + kNodeHeadsAt;
  std::byte* slots = heads + old_count * kHeadBytes;
  std::memmove(slots + index * kSlotBytes + kHeadBytes + kSlotBytes, slots + index * kSlotBytes,
               (old_count - index) * kSlotBytes);
  std::memmove(slots + kHeadBytes, slots, index * kSlotBytes);
  std::memmove(heads + (index + 1) * kHeadBytes, heads + index * kHeadBytes,
               (old_count - index) * kHeadBytes);
  store_le(heads + index * kHeadBytes, new_head);
  store_le(slots + kHeadBytes + index * kSlotBytes, static_cast<uint16_t>(at));
  set_u16(kNodeCountAt, old_count + 1);
  set_u16(kNodeHeapStartAt, at);
}

void NodeEditor::erase(size_t i) {
  const size_t old_count = count();
  CHECK(i < old_count);
  if (old_count == 1) {
    init(level());
    return;
  }
  const size_t bytes = cell_bytes(i);
  if (slot(i) == heap_start())
    set_u16(kNodeHeapStartAt, heap_start() + bytes);
  else
    set_u16(kNodeGarbageAt, garbage_bytes() + bytes);
  std::byte* heads = out_ + kNodeHeadsAt;
  std::byte* slots = heads + old_count * kHeadBytes;
  std::memmove(heads + i * kHeadBytes, heads + (i + 1) * kHeadBytes, (old_count - i - 1) * kHeadBytes);
  std::memmove(slots - kHeadBytes, slots, i * kSlotBytes);
  std::memmove(slots - kHeadBytes + i * kSlotBytes, slots + (i + 1) * kSlotBytes,
               (old_count - i - 1) * kSlotBytes);
  set_u16(kNodeCountAt, old_count - 1);
  if (old_count - 1 == first_key_slot()) compactify();  // no key left: no prefix either
}

bool NodeEditor::replace_payload(size_t i, ByteSpan payload, bool overflows) {
  const size_t old_bytes = payload_bytes(i);
  if (payload.size() <= old_bytes) {
    std::byte* to = out_ + payload_offset(i);
    if (!payload.empty()) std::memcpy(to, payload.data(), payload.size());
    set_u16(slot(i) + 2, payload.size() | (overflows ? kOverflowFlag : 0));
    set_u16(kNodeGarbageAt, garbage_bytes() + old_bytes - payload.size());
    return true;
  }
  if (used_bytes() + payload.size() - old_bytes > page_bytes()) return false;
  std::string key;
  append_inline_key(i, key);
  EncodedRef rest_room;
  const CellParts cell{.key_begin = {},
                       .key_end = key,
                       .key_rest = encode_ref(key_rest(i), rest_room),
                       .payload = payload,
                       .payload_overflows = overflows};
  erase(i);
  CHECK(insert(i, cell));
  return true;
}

void NodeEditor::compactify() { rebuild(kMaxInlineKeyBytes); }

void NodeEditor::rebuild(size_t max_prefix_bytes) {
  const NodeCopy copy(*this);
  const NodeView view = copy.view();
  build_node({out_, page_bytes()}, CellSource(view), 0, view.count(), max_prefix_bytes);
}

// The cut that leaves the fuller side as empty as possible. Sizes are upper bounds: the side that gets
// the new cell is counted with the prefix that the new key leaves, the other one with the old prefix.
// A cut always exists: four cells fit in a page, and a key that shrinks the prefix sorts before or
// after all others, so that at worst it gets a node of its own.
SplitPlan NodeEditor::plan_split(size_t index, const CellParts& cell, SplitHint hint) const {
  const size_t cells = count();
  const bool leaf = is_leaf();
  CHECK(cells >= (leaf ? 1 : 2) && index <= cells && index >= first_key_slot());
  if (hint == SplitHint::kAppend && index == cells)
    return leaf ? SplitPlan{.cut = cells, .into_right = true, .index = 0}
                : SplitPlan{.cut = cells - 1, .into_right = true, .index = 1};

  const size_t old_prefix = prefix_bytes();
  const size_t kept = common_prefix_bytes(prefix(), cell.key_end);
  const size_t all = live_cell_bytes() + cells * (kHeadBytes + kSlotBytes);
  SplitPlan best;
  size_t best_bytes = SIZE_MAX;
  const auto consider = [&](size_t cut, size_t left_cells, bool into_right) {
    if ((cut == 0 && into_right) || (cut == cells && !into_right)) return;
    const size_t joined = into_right ? cells - cut : cut;
    const size_t with_new = kNodeHeadsAt + (into_right ? all - left_cells : left_cells) + kept +
                            joined * (old_prefix - kept) + cell.bytes(kept);
    const size_t other = kNodeHeadsAt + (into_right ? left_cells : all - left_cells) + old_prefix;
    if (std::max(with_new, other) >= best_bytes) return;
    best_bytes = std::max(with_new, other);
    best = {.cut = cut, .into_right = into_right, .index = into_right ? index - cut : index};
  };
  size_t left_cells = 0;  // bytes of cells [0, cut), with heads and slots
  for (size_t cut = 0; cut <= cells; ++cut) {
    const bool allowed = leaf || (cut >= 1 && cut < cells);
    if (allowed && index <= cut) consider(cut, left_cells, false);
    if (allowed && (leaf ? index >= cut : index > cut)) consider(cut, left_cells, true);
    if (cut < cells) left_cells += cell_bytes(cut) + kHeadBytes + kSlotBytes;
  }
  CHECK(best_bytes <= page_bytes());
  return best;
}

}  // namespace revd::btree

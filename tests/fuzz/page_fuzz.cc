// Fuzzes nodes as they come from a disk: whatever validate_node accepts must survive every operation,
// and stay valid. The input: one byte of choices, a stream of operations, and the page's bytes or how to make
// it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "btree/node.h"
#include "btree/overflow_format.h"

namespace revd::btree {
namespace {

constexpr size_t kOperationBytes = 64;

PagePointer some_child() { return PagePointer::dirty(PageType::kLeaf, DirtyId(1)); }

// Keys that are sometimes long: two bytes of the stream decide.
std::string make_key(ByteReader& operations) {
  const uint8_t shape = operations.u8();
  std::string key(shape % 5 == 4 ? kMaxInlineKeyBytes + shape % 3 : shape % 40, static_cast<char>(shape / 5));
  key.push_back(static_cast<char>(operations.u8()));
  return key;
}

CellKey cell_key(const std::string& key) {
  if (key.size() <= kMaxInlineKeyBytes) return {.inline_part = key, .rest = {}};
  return {.inline_part = std::string_view(key).substr(0, kMaxInlineKeyBytes),
          .rest = OverflowRef{.total_bytes = static_cast<uint32_t>(key.size()),
                              .root = PagePointer::dirty(PageType::kOverflow, DirtyId(2))}};
}

void read_all(const NodeView& node) {
  size_t pointers = 0;
  node.visit_pointer_offsets([&](size_t offset) {
    CHECK(offset + PagePointer::kBytes <= node.page_bytes());
    pointers += PagePointer::load(node.page().data() + offset).is_null() ? 0 : 1;
  });
  std::string key;
  for (size_t i = 0; i < node.count(); ++i) {
    key.clear();
    node.append_inline_key(i, key);
    const KeyOrder order = node.compare(i, key);
    if (i > 0 && !node.key_overflows(i)) CHECK(order == KeyOrder::kEqual);
  }
}

void check_valid(const NodeView& node) {
  const Status status = validate_node(node.page(), {.level = node.level(), .dirty_pointers_allowed = true});
  CHECK_MSG(status.ok(), status.error().describe());
}

void split_and_merge(Leaf& leaf, size_t index, const CellKey& key, const CellValue& value) {
  std::vector<std::byte> other(leaf.page_bytes());
  Leaf right = Leaf::init(other);
  const SplitPlan plan = leaf.plan_split(index, key, value, SplitHint::kBalanced);
  leaf.split(plan.cut, right);
  CHECK((plan.into_right ? right : leaf).insert(plan.index, key, value));
  check_valid(right);
  check_valid(leaf);
  if (const auto moves = plan_rebalance(leaf, right)) rebalance(leaf, right, *moves);
  if (merged_bytes(leaf, right) <= leaf.page_bytes()) merge(leaf, right);
}

void operate(Leaf& leaf, ByteReader& operations) {
  const std::string key = make_key(operations);
  const std::string value(operations.u8() * size_t{7}, 'v');
  const Position at = leaf.find(key);
  if (at.tied()) return;  // the rests of the page's long keys don't exist here
  const CellKey cell = cell_key(key);
  const bool fits = !plan_cell(leaf.page_bytes(), key.size(), value.size()).value_overflows;
  const CellValue cell_value{.bytes = fits ? std::string_view(value) : std::string_view(), .overflow = {}};
  if (at.exact) {
    if (operations.u8() % 2 == 0)
      leaf.erase(at.index);
    else
      leaf.replace_value(at.index, cell_value);
  } else if (!leaf.insert(at.index, cell, cell_value)) {
    split_and_merge(leaf, at.index, cell, cell_value);
  }
  if (leaf.count() > 0 && operations.u8() % 4 == 0) leaf.erase(operations.u8() % leaf.count());
}

void operate(Inner& inner, ByteReader& operations) {
  const std::string key = make_key(operations);
  const Position separator = inner.find_separator(key);
  if (separator.tied()) return;
  if (separator.exact) {
    inner.erase_child(separator.index);
    return;
  }
  const size_t index = InnerView::child_at(separator).index + size_t{1};
  const CellKey cell = cell_key(key);
  // A child of a page on level 2 and above would be an inner node.
  if (inner.level() == 1 && !inner.insert(index, cell, some_child()) && inner.count() >= 2) {
    std::vector<std::byte> other(inner.page_bytes());
    const OwnedKey between = inner.split(inner.plan_split(index, cell, SplitHint::kBalanced).cut, other);
    check_valid(inner);
    check_valid(NodeView(other));
    if (merged_bytes(inner, between.view(), InnerView(other)) <= inner.page_bytes())
      merge(inner, between.view(), InnerView(other));
  }
  if (inner.count() >= 2 && operations.u8() % 4 == 0) inner.erase_child(operations.u8() % inner.count());
}

// The input's last bytes are the page's: heads and slots at its beginning, cells at its end.
void take_page(ByteSpan input, MutableByteSpan page) {
  const size_t first = std::min(input.size() / 2, page.size() - kNodeVersionAt);
  std::ranges::copy(input.first(first), page.begin() + kNodeVersionAt);
  const size_t last = std::min(input.size() - first, page.size() - kNodeVersionAt - first);
  std::ranges::copy(input.last(last), page.end() - static_cast<ptrdiff_t>(last));
}

// A valid page made by some inserts, with bytes changed afterwards: three bytes of input for each change.
void damage_page(ByteSpan input, uint8_t level, MutableByteSpan page) {
  if (level == 0)
    Leaf::init(page);
  else
    Inner::init(page, level, PagePointer::dirty(level == 1 ? PageType::kLeaf : PageType::kInner, DirtyId(1)));
  ByteReader reader(input);
  for (uint8_t inserts = reader.u8() % 40; inserts > 0; --inserts) {
    const std::string key = make_key(reader);
    if (level == 0) {
      Leaf leaf(page);
      const Position at = leaf.find(key);
      if (!at.exact && !at.tied())
        leaf.insert(at.index, cell_key(key), {.bytes = key.substr(0, 50), .overflow = {}});
    } else {
      Inner inner(page);
      const Position at = inner.find_separator(key);
      if (!at.exact && !at.tied()) inner.insert(at.index, cell_key(key), inner.child(0));
    }
  }
  while (reader.remaining() >= 3) {
    const uint16_t at = reader.u16();
    page[at % page.size()] ^= static_cast<std::byte>(reader.u8());
  }
}

void try_page(ByteSpan input) {
  if (input.size() <= 1 + kOperationBytes) return;
  const auto choices = std::to_integer<uint8_t>(input[0]);
  ByteReader operations(input.subspan(1, kOperationBytes));
  const auto level = static_cast<uint8_t>((choices >> 2) % 3);
  std::vector<std::byte> page((choices & 1) != 0 ? kLeafPageBytesSmall : kLeafPageBytesLarge);
  const ByteSpan rest = input.subspan(1 + kOperationBytes);
  if ((choices & 2) != 0)
    take_page(rest, page);
  else
    damage_page(rest, level, page);

  if (!validate_node(page, {.level = level, .dirty_pointers_allowed = true}).ok()) return;
  read_all(NodeView(page));
  while (operations.remaining() > 6) {
    if (level == 0) {
      Leaf leaf(page);
      operate(leaf, operations);
    } else {
      Inner inner(page);
      operate(inner, operations);
    }
    check_valid(NodeView(page));
  }
  std::vector<std::byte> compacted(page.size());
  write_compact(NodeView(page), compacted);
  check_valid(NodeView(compacted));
}

void try_overflow_index(ByteSpan input) {
  ByteReader reader(input);
  const auto level = static_cast<uint8_t>(reader.u8() % 8);
  const uint64_t covered = reader.u64();
  const ByteSpan page = input.last(reader.remaining());
  const OverflowExpectation expected{
      .level = level, .covered_bytes = covered, .types = {}, .dirty_pointers_allowed = true};
  if (!validate_overflow_page(page, expected).ok() || level == 0) return;
  const OverflowIndexView index(page);
  CHECK(index.child_of(covered - 1) == index.count() - 1);
  for (size_t i = 0; i < index.count(); ++i) CHECK(!index.child(i).is_null());
}

}  // namespace
}  // namespace revd::btree

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const revd::ByteSpan input{reinterpret_cast<const std::byte*>(data), size};
  if (size == 0) return 0;
  if (data[0] >= 0xf0)
    revd::btree::try_overflow_index(input.subspan(1));
  else
    revd::btree::try_page(input);
  return 0;
}

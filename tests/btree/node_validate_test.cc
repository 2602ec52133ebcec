#include <cstring>

#include "tests/btree/node_fixture.h"

namespace revd::btree {
namespace {

PagePointer disk_pointer(PageType type, uint32_t raw_bytes = 8192) {
  return PagePointer::on_disk({.sector = 1000,
                               .codec = Codec::kRaw,
                               .type = type,
                               .stored_bytes = raw_bytes,
                               .raw_bytes = raw_bytes,
                               .birth = CheckpointId(2),
                               .checksum = 5});
}

void fill_leaf(Leaf& leaf, Random& random) {
  for (int i = 0; i < 60; ++i) {
    const std::string key = "common/" + std::to_string(100 + i) + std::string(random.below(5), 'x');
    const CellValue value{.bytes = key, .overflow = {}};
    ASSERT_TRUE(leaf.insert(leaf.count(), {.inline_part = key, .rest = {}}, value));
  }
  const OverflowRef rest{.total_bytes = 3000, .root = disk_pointer(PageType::kOverflow, 2016)};
  const OverflowRef value{.total_bytes = 9000, .root = disk_pointer(PageType::kOverflow, 9040)};
  const std::string long_key = "common/" + std::string(kMaxInlineKeyBytes - 7, 'z');
  ASSERT_TRUE(
      leaf.insert(leaf.count(), {.inline_part = long_key, .rest = rest}, {.bytes = {}, .overflow = value}));
  leaf.erase(random.below(30));
}

void fill_inner(Inner& inner, Random& random) {
  for (int i = 0; i < 60; ++i) {
    const std::string key = "common/" + std::to_string(100 + i) + std::string(random.below(5), 'x');
    ASSERT_TRUE(inner.insert(inner.count(), {.inline_part = key, .rest = {}}, disk_pointer(PageType::kLeaf)));
  }
  inner.erase_child(random.below(30));
}

// Uses everything that a page can be used for; ASan and the CHECKs say whether it stays inside.
void exercise(MutableByteSpan page, Random& random) {
  NodeView node(page);
  std::string sink;
  for (size_t i = 0; i < node.count(); ++i) {
    node.append_inline_key(i, sink);
    if (!node.key_overflows(i)) static_cast<void>(node.compare(i, sink));
    sink.clear();
  }
  node.visit_pointer_offsets(
      [&](size_t offset) { static_cast<void>(PagePointer::load(page.data() + offset)); });
  KeyMaker make_key(random.fork(), KeyMaker::kStyles - 1);
  OverflowStore store;
  TestPage other(page.size());
  for (int step = 0; step < 30; ++step) {
    const std::string key = make_key();
    const CellKey cell = store.cell_key(key);
    if (node.is_leaf()) {
      Leaf leaf(page);
      const Position at = leaf.find(key);
      const CellValue value =
          store.cell_value(page.size(), key, std::string_view(key).substr(0, random.below(60)));
      if (at.exact)
        leaf.replace_value(at.index, value);
      else if (!leaf.insert(at.index, cell, value)) {
        const SplitPlan plan = leaf.plan_split(at.index, cell, value, SplitHint::kBalanced);
        Leaf right = Leaf::init(other.span());
        leaf.split(plan.cut, right);
        ASSERT_TRUE((plan.into_right ? right : leaf).insert(plan.index, cell, value));
        if (leaf.count() > 0 && right.count() > 0) static_cast<void>(separator_between(leaf, right));
        if (const auto moves = plan_rebalance(leaf, right)) rebalance(leaf, right, *moves);
        if (merged_bytes(leaf, right) <= page.size()) merge(leaf, right);
      }
      if (leaf.count() > 0 && random.chance(1, 2)) leaf.erase(random.below(leaf.count()));
      if (random.chance(1, 8)) leaf.compactify();
    } else {
      Inner inner(page);
      const Position at = inner.find_child(key);
      static_cast<void>(inner.child(at.index));
      const size_t index = at.index + size_t{1};
      if (!inner.insert(index, cell, disk_pointer(PageType::kLeaf)) && inner.count() >= 2) {
        const SplitPlan plan = inner.plan_split(index, cell, SplitHint::kBalanced);
        const OwnedKey between = inner.split(plan.cut, other.span());
        Inner right(other.span());
        ASSERT_TRUE(
            (plan.into_right ? right : inner).insert(plan.index, cell, disk_pointer(PageType::kLeaf)));
        if (merged_bytes(inner, between.view(), right) <= page.size()) merge(inner, between.view(), right);
      }
      if (inner.count() >= 2 && random.chance(1, 2)) inner.erase_child(random.below(inner.count()));
      if (random.chance(1, 8)) inner.compactify();
    }
  }
}

// A node of each kind, valid, made from a seed.
TestPage make_page(bool leaf, size_t page_bytes, Random& random) {
  TestPage page(leaf ? page_bytes : kInnerPageBytes);
  if (leaf) {
    Leaf node = Leaf::init(page.span());
    fill_leaf(node, random);
  } else {
    Inner node = Inner::init(page.span(), 1, disk_pointer(PageType::kLeaf));
    fill_inner(node, random);
  }
  return page;
}

TEST(ValidateNode, HostilePagesAreRefusedOrHarmless) {
  size_t accepted = 0;
  for (uint64_t seed = 1; seed <= 6000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Random random(seed);
    const bool leaf = random.chance(1, 2);
    TestPage page = make_page(leaf, random.chance(1, 2) ? kLeafPageBytesSmall : kLeafPageBytesLarge, random);
    const NodeView node(page.view());
    const size_t arrays_end = kNodeHeadsAt + node.count() * (kHeadBytes + kSlotBytes);
    for (uint64_t n = random.between(1, 4); n > 0; --n) {
      // Mostly where lengths and offsets are.
      const size_t at = random.chance(1, 3)   ? random.between(kNodeVersionAt, kNodeHeadsAt - 1)
                        : random.chance(1, 2) ? random.between(kNodeHeadsAt, arrays_end - 1)
                                              : random.between(arrays_end, page.view().size() - 1);
      page.span()[at] = random.chance(1, 2) ? static_cast<std::byte>(random.next())
                                            : page.span()[at] ^ static_cast<std::byte>(1 << random.below(8));
    }
    const Status status = validate_node(page.view(), {.level = static_cast<uint8_t>(leaf ? 0 : 1)});
    if (!status.ok()) {
      ASSERT_EQ(status.error().code(), ErrorCode::kDataLoss);
      continue;
    }
    ++accepted;
    ASSERT_NO_FATAL_FAILURE(exercise(page.span(), random));
  }
  EXPECT_GT(accepted, 100u);  // bytes of keys and values may be anything
}

class ValidatorRules : public ::testing::Test {
 protected:
  ValidatorRules() : leaf_page(kLeafPageBytesSmall), inner_page(kInnerPageBytes) {
    Random random(1);
    leaf_page = make_page(true, kLeafPageBytesSmall, random);
    inner_page = make_page(false, kInnerPageBytes, random);
  }
  static std::string why(const TestPage& page, uint8_t level) {
    const Status status = validate_node(page.view(), {.level = level});
    return status.ok() ? "" : status.error().text();
  }
  template <typename Change>
  std::string leaf_after(Change change) {
    TestPage page = leaf_page;
    change(page.span().data());
    return why(page, 0);
  }
  static void add_u16(std::byte* at, int difference) {
    store_le(at, static_cast<uint16_t>(load_le<uint16_t>(at) + difference));
  }
  size_t slot_at(size_t i) const {
    return kNodeHeadsAt + LeafView(leaf_page.view()).count() * kHeadBytes + i * kSlotBytes;
  }
  size_t cell_at(size_t i) const { return load_le<uint16_t>(leaf_page.view().data() + slot_at(i)); }

  TestPage leaf_page;
  TestPage inner_page;
};

TEST_F(ValidatorRules, GoodPagesPass) {
  EXPECT_EQ(why(leaf_page, 0), "");
  EXPECT_EQ(why(inner_page, 1), "");
}

TEST_F(ValidatorRules, HeaderIsChecked) {
  EXPECT_EQ(why(leaf_page, 1), "damaged node: wrong level");
  EXPECT_EQ(why(inner_page, 0), "damaged node: wrong level");
  EXPECT_EQ(validate_node(leaf_page.view().first(8000), {}).error().text(), "damaged node: page size");
  EXPECT_EQ(leaf_after([](std::byte* p) { p[kNodeVersionAt] = std::byte{2}; }),
            "damaged node: unknown version");
  EXPECT_EQ(leaf_after([](std::byte* p) { p[kNodeReservedAt + 5] = std::byte{1}; }),
            "damaged node: reserved bytes");
  EXPECT_EQ(leaf_after([](std::byte* p) { store_le<uint16_t>(p + kNodeCountAt, 5000); }),
            "damaged node: heap and slots overlap");
  EXPECT_EQ(leaf_after([](std::byte* p) { store_le<uint16_t>(p + kNodePrefixBytesAt, 1025); }),
            "damaged node: prefix too long");
  EXPECT_EQ(leaf_after([](std::byte* p) { store_le<uint16_t>(p + kNodeHeapStartAt, 8192); }),
            "damaged node: heap and slots overlap");
  EXPECT_EQ(leaf_after([](std::byte* p) { add_u16(p + kNodeGarbageAt, 1); }),
            "damaged node: wrong sum of cells and garbage");
}

TEST_F(ValidatorRules, CellsAreChecked) {
  EXPECT_EQ(leaf_after([&](std::byte* p) { store_le<uint16_t>(p + slot_at(3), 8190); }),
            "damaged node: offset outside the heap in slot 3");
  EXPECT_EQ(leaf_after([&](std::byte* p) { store_le<uint16_t>(p + slot_at(3), 60); }),
            "damaged node: offset outside the heap in slot 3");
  EXPECT_EQ(leaf_after([&](std::byte* p) { store_le<uint16_t>(p + cell_at(3) + 2, 0x7fff); }),
            "damaged node: cell outside the heap in slot 3");
  EXPECT_EQ(leaf_after([&](std::byte* p) { std::memcpy(p + slot_at(3), p + slot_at(2), 2); }),
            "damaged node: overlapping cell in slot 3");
  EXPECT_EQ(leaf_after([&](std::byte* p) { p[kNodeHeadsAt + 3 * kHeadBytes] ^= std::byte{1}; }),
            "damaged node: head isn't the key's in slot 3");
  const size_t last = LeafView(leaf_page.view()).count() - 1;
  EXPECT_EQ(leaf_after([&](std::byte* p) { p[cell_at(last) + 3] ^= std::byte{0x80}; }),
            "");  // inline bytes instead
  EXPECT_EQ(leaf_after([&](std::byte* p) { p[cell_at(0) + 3] |= std::byte{0x80}; }),
            "damaged node: value's overflow reference in slot 0");
}

TEST_F(ValidatorRules, OrderOfKeysIsChecked) {
  // Two slots and their heads swapped: everything fits except the order.
  EXPECT_EQ(leaf_after([&](std::byte* p) {
              std::swap_ranges(p + slot_at(3), p + slot_at(4), p + slot_at(4));
              std::byte* head = p + kNodeHeadsAt + 3 * kHeadBytes;
              std::swap_ranges(head, head + kHeadBytes, head + kHeadBytes);
            }),
            "damaged node: keys out of order in slot 4");
}

TEST_F(ValidatorRules, PointersAreChecked) {
  const auto inner_after = [&](const PagePointer& child, bool dirty_allowed = false) {
    TestPage page = inner_page;
    Inner(page.span()).set_child(2, child);
    const Status status = validate_node(page.view(), {.level = 1, .dirty_pointers_allowed = dirty_allowed});
    return status.ok() ? "" : status.error().text();
  };
  EXPECT_EQ(inner_after(disk_pointer(PageType::kLeaf)), "");
  EXPECT_EQ(inner_after(disk_pointer(PageType::kInner)), "damaged node: child pointer in slot 2");
  EXPECT_EQ(inner_after(PagePointer()), "damaged node: child pointer in slot 2");
  EXPECT_EQ(inner_after(PagePointer::dirty(PageType::kLeaf, DirtyId(1))),
            "damaged node: child pointer in slot 2");
  EXPECT_EQ(inner_after(PagePointer::dirty(PageType::kLeaf, DirtyId(1)), true), "");
}

// A byte for byte description of a small leaf and a small inner node: old files must stay readable.
TEST(NodeFormat, GoldenBytesOfALeaf) {
  TestPage page(kLeafPageBytesSmall);
  Leaf leaf = Leaf::init(page.span());
  ASSERT_TRUE(leaf.insert(0, {.inline_part = "user/a", .rest = {}}, {.bytes = "1", .overflow = {}}));
  ASSERT_TRUE(leaf.insert(1, {.inline_part = "user/bcdef", .rest = {}}, {.bytes = "two", .overflow = {}}));
  TestPage out(kLeafPageBytesSmall);
  write_compact(leaf, out.span());
  std::string expected(kLeafPageBytesSmall, '\0');
  const auto put = [&expected](size_t at, std::string_view bytes) {
    expected.replace(at, bytes.size(), bytes);
  };
  using namespace std::string_view_literals;
  put(40, "\x01\x00\x02\x00"sv);  // version, level 0, two cells
  put(44, "\xe9\x1f\x00\x00"sv);  // heap starts at 8169, no garbage
  put(48, "\x05\x00"sv);          // five bytes of prefix
  put(56, "\x00\x00\x00\x61"sv);  // head "a"
  put(60, "\x65\x64\x63\x62"sv);  // head "bcde"
  put(64, "\xf5\x1f\xe9\x1f"sv);  // cells at 8181 and 8169
  put(8181,
      "\x01\x00\x01\x00"
      "a1"sv);  // key word, payload word, suffix, value
  put(8169,
      "\x05\x00\x03\x00"
      "bcdeftwo"sv);
  put(8187, "user/");
  EXPECT_EQ(as_view(out.view()), expected);
}

TEST(NodeFormat, GoldenBytesOfAnInnerNodeWithALongSeparator) {
  TestPage page(kInnerPageBytes);
  Inner inner = Inner::init(page.span(), 1, disk_pointer(PageType::kLeaf));
  const std::string key(kMaxInlineKeyBytes, 'k');
  const OverflowRef rest{.total_bytes = 1030, .root = disk_pointer(PageType::kOverflow, 46)};
  ASSERT_TRUE(inner.insert(1, {.inline_part = key, .rest = rest}, disk_pointer(PageType::kLeaf, 16384)));
  const auto pointer = [](PageType type, uint32_t raw) {
    std::string out(PagePointer::kBytes, '\0');
    disk_pointer(type, raw).store(reinterpret_cast<std::byte*>(out.data()));
    return out;
  };
  std::string expected(kInnerPageBytes, '\0');
  const auto put = [&expected](size_t at, std::string_view bytes) {
    expected.replace(at, bytes.size(), bytes);
  };
  using namespace std::string_view_literals;
  put(40, "\x01\x01\x02\x00"sv);
  put(44, "\x94\x3b\x00\x00"sv);     // heap starts at 15252
  put(60, "kkkk");                   // head of slot 1; slot 0 has none
  put(64, "\xdc\x3f\x94\x3b"sv);     // cells at 16348 and 15252
  put(16348, "\x00\x00\x20\x00"sv);  // no key, 32 bytes of payload
  put(16352, pointer(PageType::kLeaf, 8192));
  put(15252, "\x00\x84\x20\x00"sv);  // 1024 bytes of key and a rest
  put(15256, key);
  put(16280, "\x06\x04\x00\x00"sv);  // 1030 bytes in all
  put(16284, pointer(PageType::kOverflow, 46));
  put(16316, pointer(PageType::kLeaf, 16384));
  // The only separator is its node's prefix as soon as the node is rebuilt; here it wasn't.
  EXPECT_EQ(as_view(page.view()), expected);
}

}  // namespace
}  // namespace revd::btree

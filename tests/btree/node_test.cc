#include "btree/node.h"

#include "tests/btree/node_fixture.h"

namespace revd::btree {
namespace {

// A leaf beside a std::map that must always agree with it.
class ModelLeaf {
 public:
  ModelLeaf(OverflowStore& store, size_t page_bytes)
      : store_(store), page_(page_bytes), leaf_(Leaf::init(page_.span())) {}

  Leaf& leaf() { return leaf_; }
  std::map<std::string, std::string>& model() { return model_; }

  Position find(std::string_view key) const {
    return resolve_tie(leaf_, key, leaf_.find(key), store_.loader()).value();
  }

  // False if the leaf has no room; nothing has changed then.
  bool put(const std::string& key, const std::string& value) {
    const Position at = find(key);
    EXPECT_EQ(at.exact, model_.contains(key));
    const CellValue cell = store_.cell_value(leaf_.page_bytes(), key, value);
    bool done = false;
    if (at.exact) {
      done = leaf_.replace_value(at.index, cell);
    } else {
      const CellKey cell_key = store_.cell_key(key);
      done = leaf_.can_insert(cell_key, cell);
      EXPECT_EQ(leaf_.insert(at.index, cell_key, cell), done);
    }
    if (done) model_[key] = value;
    return done;
  }

  bool erase(const std::string& key) {
    const Position at = find(key);
    EXPECT_EQ(at.exact, model_.contains(key));
    if (!at.exact) return false;
    leaf_.erase(at.index);
    model_.erase(key);
    return true;
  }

  void expect_same() const {
    expect_valid(leaf_);
    ASSERT_EQ(leaf_.count(), model_.size());
    ASSERT_EQ(leaf_.used_bytes() + leaf_.free_bytes(), leaf_.page_bytes());
    size_t i = 0;
    for (const auto& [key, value] : model_) {
      ASSERT_EQ(store_.whole_key(leaf_, i), key);
      ASSERT_EQ(leaf_.key_bytes(i), key.size());
      ASSERT_EQ(store_.whole_value(leaf_, i), value);
      ASSERT_EQ(leaf_.value_bytes(i), value.size());
      const Position at = find(key);
      ASSERT_TRUE(at.exact);
      ASSERT_EQ(at.index, i);
      ASSERT_EQ(leaf_.compare(i, key), key.size() <= kMaxInlineKeyBytes ? KeyOrder::kEqual : KeyOrder::kTie);
      ++i;
    }
  }

 private:
  OverflowStore& store_;
  TestPage page_;
  Leaf leaf_;
  std::map<std::string, std::string> model_;
};

std::string random_value(Random& random) {
  const uint64_t kind = random.below(20);
  const uint64_t length = kind == 0 ? random.below(5000) : kind < 4 ? random.below(600) : random.below(40);
  return std::string(length, static_cast<char>(random.next()));
}

// Parameters: page size, style of the keys.
class LeafModel : public ::testing::TestWithParam<std::tuple<size_t, int>> {
 protected:
  size_t page_bytes() const { return std::get<0>(GetParam()); }
  int style() const { return std::get<1>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(All, LeafModel,
                         ::testing::Combine(::testing::Values(kLeafPageBytesSmall, kLeafPageBytesLarge),
                                            ::testing::Range(0, KeyMaker::kStyles)));

TEST_P(LeafModel, RandomOperationsAgreeWithMap) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Random random(seed);
    OverflowStore store;
    KeyMaker make_key(random.fork(), style());
    ModelLeaf tested(store, page_bytes());
    for (int step = 0; step < 1500; ++step) {
      const std::string key = make_key();
      const uint64_t erasing = (step / 300) % 2 == 0 ? 2 : 6;  // grow and shrink in turns
      if (random.chance(erasing, 10)) {
        tested.erase(key);
        if (!tested.model().empty() && random.chance(1, 2)) tested.erase(tested.model().begin()->first);
      } else {
        tested.put(key, random_value(random));
      }
      if (random.chance(1, 100)) tested.leaf().compactify();
      const std::string probe = make_key();
      const Position at = tested.find(probe);
      const auto expected = tested.model().lower_bound(probe);
      ASSERT_EQ(at.index, std::distance(tested.model().begin(), expected));
      ASSERT_EQ(at.exact, tested.model().contains(probe));
      if (step % 25 == 0) {
        ASSERT_NO_FATAL_FAILURE(tested.expect_same());
      }
    }
    ASSERT_NO_FATAL_FAILURE(tested.expect_same());
  }
}

// Fills a leaf with random keys until one is refused; gives that key and value.
std::pair<std::string, std::string> fill(ModelLeaf& leaf, KeyMaker& make_key, Random& random) {
  for (int step = 0; step < 5000; ++step) {
    std::string key = make_key();
    std::string value = random_value(random);
    if (!leaf.model().contains(key) && !leaf.put(key, value)) return {std::move(key), std::move(value)};
  }
  return {};  // a style with few keys never fills the page
}

void expect_leaf_holds(const OverflowStore& store, const LeafView& leaf,
                       std::map<std::string, std::string>::const_iterator from, size_t count) {
  ASSERT_NO_FATAL_FAILURE(expect_valid(leaf));
  ASSERT_EQ(leaf.count(), count);
  for (size_t i = 0; i < count; ++i, ++from) {
    ASSERT_EQ(store.whole_key(leaf, i), from->first);
    ASSERT_EQ(store.whole_value(leaf, i), from->second);
  }
}

void expect_separates(const OverflowStore& store, const Separator& separator, const std::string& left,
                      const std::string& right) {
  const std::string key =
      separator.needs_whole_keys ? std::string(shortest_separator(left, right)) : separator.key;
  ASSERT_LT(left, key);
  ASSERT_LE(key, right);
  if (separator.needs_whole_keys)
    ASSERT_GT(key.size(), kMaxInlineKeyBytes);
  else
    ASSERT_EQ(key, shortest_separator(left, right));
  static_cast<void>(store);
}

TEST_P(LeafModel, SplitInsertMergeAndRebalanceKeepEverything) {
  size_t splits = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Random random(seed);
    OverflowStore store;
    KeyMaker make_key(random.fork(), style());
    ModelLeaf tested(store, page_bytes());
    const auto [key, value] = fill(tested, make_key, random);
    if (tested.model().contains(key) || tested.model().size() < 2) continue;
    ++splits;
    Leaf& left = tested.leaf();
    const Position at = tested.find(key);
    const CellKey cell_key = store.cell_key(key);
    const CellValue cell_value = store.cell_value(page_bytes(), key, value);
    if (left.can_insert(cell_key, cell_value)) continue;
    const SplitHint hint = random.chance(1, 3) ? SplitHint::kAppend : SplitHint::kBalanced;
    const SplitPlan plan = left.plan_split(at.index, cell_key, cell_value, hint);
    TestPage right_page(page_bytes());
    Leaf right = Leaf::init(right_page.span());
    left.split(plan.cut, right);
    ASSERT_TRUE((plan.into_right ? right : left).insert(plan.index, cell_key, cell_value));
    tested.model()[key] = value;

    const auto& model = tested.model();
    const auto check_both = [&] {
      ASSERT_EQ(left.count() + right.count(), model.size());
      ASSERT_NO_FATAL_FAILURE(expect_leaf_holds(store, left, model.begin(), left.count()));
      const auto middle = std::next(model.begin(), static_cast<ptrdiff_t>(left.count()));
      ASSERT_NO_FATAL_FAILURE(expect_leaf_holds(store, right, middle, right.count()));
      ASSERT_NO_FATAL_FAILURE(
          expect_separates(store, separator_between(left, right), std::prev(middle)->first, middle->first));
    };
    ASSERT_NO_FATAL_FAILURE(check_both());

    // Empty one side partly; then move cells over, then merge.
    while (left.count() > 1 && left.fill_percent() > 10 + random.below(30)) {
      const size_t victim = random.below(left.count());
      tested.model().erase(store.whole_key(left, victim));
      left.erase(victim);
    }
    ASSERT_NO_FATAL_FAILURE(check_both());
    const size_t merged = merged_bytes(left, right);
    if (const auto moves = plan_rebalance(left, right)) {
      const Separator promised = separator_after(left, right, *moves);
      rebalance(left, right, *moves);
      ASSERT_EQ(left.count(), moves->left_count);
      const Separator found = separator_between(left, right);
      ASSERT_EQ(promised.key, found.key);
      ASSERT_EQ(promised.needs_whole_keys, found.needs_whole_keys);
      ASSERT_NO_FATAL_FAILURE(check_both());
      ASSERT_EQ(merged_bytes(left, right), merged);
    }
    if (merged <= page_bytes()) {
      merge(left, right);
      ASSERT_EQ(left.used_bytes(), merged);
      ASSERT_EQ(left.garbage_bytes(), 0u);
      ASSERT_NO_FATAL_FAILURE(expect_leaf_holds(store, left, model.begin(), model.size()));
    }
  }
  if (style() != 0 && style() != 4) {
    EXPECT_GT(splits, 10u);
  }
}

TEST(Leaf, BalancedSplitLeavesBothSidesAboutHalfFull) {
  for (const size_t page_bytes : {kLeafPageBytesSmall, kLeafPageBytesLarge}) {
    Random random(7);
    OverflowStore store;
    ModelLeaf tested(store, page_bytes);
    KeyMaker make_key(Random(8), 2);
    const auto [key, value] = fill(tested, make_key, random);
    const CellKey cell_key = store.cell_key(key);
    const CellValue cell = store.cell_value(page_bytes, key, value);
    const SplitPlan plan =
        tested.leaf().plan_split(tested.find(key).index, cell_key, cell, SplitHint::kBalanced);
    TestPage right_page(page_bytes);
    Leaf right = Leaf::init(right_page.span());
    tested.leaf().split(plan.cut, right);
    EXPECT_GT(tested.leaf().fill_percent(), 30u);
    EXPECT_GT(right.fill_percent(), 30u);
  }
}

TEST(Leaf, AppendSplitLeavesTheLeftLeafFull) {
  TestPage page(kLeafPageBytesSmall);
  Leaf leaf = Leaf::init(page.span());
  std::string key = "key/00000000";
  const CellValue value{.bytes = "some value of fifty bytes, as one finds everywhere", .overflow = {}};
  auto next = [&key, n = 0]() mutable {
    const std::string digits = std::to_string(++n);
    key.replace(key.size() - digits.size(), digits.size(), digits);
  };
  while (next(), leaf.insert(leaf.count(), {.inline_part = key, .rest = {}}, value)) continue;
  const SplitPlan plan =
      leaf.plan_split(leaf.count(), {.inline_part = key, .rest = {}}, value, SplitHint::kAppend);
  EXPECT_EQ(plan.cut, leaf.count());
  EXPECT_TRUE(plan.into_right);
  EXPECT_EQ(plan.index, 0u);
  EXPECT_GE(leaf.fill_percent(), 99u);
}

TEST(Leaf, FourCellsOfTheLargestSizeFit) {
  for (const size_t page_bytes : {kLeafPageBytesSmall, kLeafPageBytesLarge}) {
    OverflowStore store;
    // No prefix in common, so that each key counts whole.
    for (const size_t key_bytes : {size_t{1}, size_t{100}, kMaxInlineKeyBytes, size_t{5000}}) {
      ModelLeaf tested(store, page_bytes);
      size_t value_bytes = page_bytes;
      while (plan_cell(page_bytes, key_bytes, value_bytes).value_overflows) --value_bytes;
      for (char first = 'a'; first < 'e'; ++first)
        ASSERT_TRUE(tested.put(std::string(key_bytes, first), std::string(value_bytes, 'v')));
      ASSERT_NO_FATAL_FAILURE(tested.expect_same());
      for (size_t i = 0; i < 4; ++i) EXPECT_FALSE(tested.leaf().value_overflows(i));
    }
  }
}

TEST(Leaf, EmptyKeyIsAKey) {
  OverflowStore store;
  ModelLeaf tested(store, kLeafPageBytesSmall);
  EXPECT_FALSE(tested.find("").exact);
  ASSERT_TRUE(tested.put("", "nothing"));
  ASSERT_TRUE(tested.put(std::string(1, '\0'), "zero"));
  ASSERT_TRUE(tested.put(std::string(4, '\0'), "zeros"));
  ASSERT_NO_FATAL_FAILURE(tested.expect_same());
  EXPECT_EQ(tested.find("").index, 0u);
  ASSERT_TRUE(tested.erase(""));
  ASSERT_NO_FATAL_FAILURE(tested.expect_same());
}

TEST(Leaf, LongKeysTieOnlyWithLongKeysOfTheSameBeginning) {
  OverflowStore store;
  ModelLeaf tested(store, kLeafPageBytesLarge);
  const std::string begin(kMaxInlineKeyBytes, 'k');
  ASSERT_TRUE(tested.put(begin, "exactly at the limit"));
  for (const char* rest : {"a", "c", "e"}) ASSERT_TRUE(tested.put(begin + rest, "long"));
  ASSERT_TRUE(tested.put(begin.substr(1), "short"));
  ASSERT_NO_FATAL_FAILURE(tested.expect_same());

  EXPECT_FALSE(tested.leaf().find(begin).tied());
  EXPECT_TRUE(tested.leaf().find(begin).exact);
  EXPECT_FALSE(tested.leaf().find(begin.substr(1) + "z").tied());
  const Position tie = tested.leaf().find(begin + "c");
  EXPECT_TRUE(tie.tied());
  EXPECT_EQ(tie.tie_end - tie.index, 3);
  EXPECT_TRUE(tested.find(begin + "c").exact);
  EXPECT_EQ(tested.find(begin + "d").index, tested.find(begin + "e").index);
  EXPECT_EQ(tested.leaf().compare(tie.index, begin + "c"), KeyOrder::kTie);

  // An error of the loader is passed on.
  const auto failing = [](const OverflowRef&) -> Result<std::string> {
    return Error(ErrorCode::kWouldBlock, "later");
  };
  EXPECT_EQ(resolve_tie(tested.leaf(), begin + "c", tie, failing).error().code(), ErrorCode::kWouldBlock);
}

TEST(Leaf, PrefixShrinksForAStrangerAndGrowsBack) {
  OverflowStore store;
  ModelLeaf tested(store, kLeafPageBytesSmall);
  for (int i = 100; i < 200; ++i) ASSERT_TRUE(tested.put("/registry/pods/" + std::to_string(i), "v"));
  EXPECT_EQ(tested.leaf().prefix(), "/registry/pods/1");
  ASSERT_TRUE(tested.put("/registry/nodes/1", "v"));
  EXPECT_EQ(tested.leaf().prefix(), "/registry/");
  ASSERT_NO_FATAL_FAILURE(tested.expect_same());
  ASSERT_TRUE(tested.erase("/registry/nodes/1"));
  tested.leaf().compactify();
  EXPECT_EQ(tested.leaf().prefix(), "/registry/pods/1");
  ASSERT_NO_FATAL_FAILURE(tested.expect_same());
}

TEST(Leaf, StrangerThatWouldUndoALongPrefixGetsALeafOfItsOwn) {
  OverflowStore store;
  ModelLeaf tested(store, kLeafPageBytesSmall);
  for (int i = 1000; i < 1300; ++i) ASSERT_TRUE(tested.put(std::string(900, 'p') + std::to_string(i), "v"));
  for (const std::string stranger : {"a", "z"}) {
    const CellKey key = store.cell_key(stranger);
    const CellValue value{.bytes = "v", .overflow = {}};
    const size_t index = tested.find(stranger).index;
    EXPECT_FALSE(tested.leaf().can_insert(key, value));
    const SplitPlan plan = tested.leaf().plan_split(index, key, value, SplitHint::kBalanced);
    TestPage left_page(kLeafPageBytesSmall);
    TestPage right_page(kLeafPageBytesSmall);
    std::ranges::copy(tested.leaf().page(), left_page.span().begin());
    Leaf left(left_page.span());
    Leaf right = Leaf::init(right_page.span());
    left.split(plan.cut, right);
    ASSERT_TRUE((plan.into_right ? right : left).insert(plan.index, key, value));
    ASSERT_EQ(left.count() + right.count(), 301u);
    ASSERT_NO_FATAL_FAILURE(expect_valid(left));
    ASSERT_NO_FATAL_FAILURE(expect_valid(right));
  }
}

TEST(Leaf, PointersChangeInPlace) {
  OverflowStore store;
  ModelLeaf tested(store, kLeafPageBytesLarge);
  const std::string long_key(3000, 'k');
  ASSERT_TRUE(tested.put(long_key, std::string(20000, 'v')));
  ASSERT_TRUE(tested.put("short", std::string(9000, 'w')));
  ASSERT_TRUE(tested.put("tiny", "x"));
  std::vector<PagePointer> seen;
  tested.leaf().visit_pointer_offsets(
      [&](size_t offset) { seen.push_back(PagePointer::load(tested.leaf().page().data() + offset)); });
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0], tested.leaf().key_rest(0)->root);
  EXPECT_EQ(seen[1], tested.leaf().value_overflow(0).root);
  EXPECT_EQ(seen[2], tested.leaf().value_overflow(1).root);

  const PagePointer moved = PagePointer::dirty(PageType::kOverflow, DirtyId(77));
  tested.leaf().set_key_pointer(0, moved);
  tested.leaf().set_value_pointer(1, moved.dirty(PageType::kOverflow, DirtyId(78)));
  EXPECT_EQ(tested.leaf().key_rest(0)->root.dirty_id(), DirtyId(77));
  EXPECT_EQ(tested.leaf().key_rest(0)->total_bytes, 3000u);
  EXPECT_EQ(tested.leaf().value_overflow(1).root.dirty_id(), DirtyId(78));
  EXPECT_EQ(tested.leaf().value_overflow(1).total_bytes, 9000u);
}

TEST(Leaf, CompactWriteLeavesNoDeletedByte) {
  OverflowStore store;
  ModelLeaf tested(store, kLeafPageBytesSmall);
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(tested.put("key" + std::to_string(i), i % 2 == 0 ? "SECRET" : "public"));
  for (int i = 0; i < 50; i += 2) ASSERT_TRUE(tested.erase("key" + std::to_string(i)));
  ASSERT_NE(as_view(tested.leaf().page()).find("SECRET"), std::string_view::npos);
  TestPage out(kLeafPageBytesSmall);
  const ByteSpan image = disk_image(tested.leaf().page(), PageType::kLeaf, out.span());
  ASSERT_EQ(image.data(), out.view().data());
  ASSERT_EQ(image.size(), kLeafPageBytesSmall);
  EXPECT_EQ(as_view(out.view()).find("SECRET"), std::string_view::npos);
  EXPECT_EQ(disk_image(tested.leaf().page(), PageType::kOverflow, out.span()).data(),
            tested.leaf().page().data());
  const LeafView compacted(out.view());
  EXPECT_EQ(compacted.garbage_bytes(), 0u);
  ASSERT_NO_FATAL_FAILURE(expect_leaf_holds(store, compacted, tested.model().begin(), tested.model().size()));
}

TEST(Separators, AreAsShortAsCanBe) {
  EXPECT_EQ(shortest_separator("abc", "abd"), "abd");
  EXPECT_EQ(shortest_separator("abc", "b123456"), "b");
  EXPECT_EQ(shortest_separator("ab", "abc"), "abc");
  EXPECT_EQ(shortest_separator("ab", "abcdef"), "abc");
  EXPECT_EQ(shortest_separator("", "xyz"), "x");
}

}  // namespace
}  // namespace revd::btree

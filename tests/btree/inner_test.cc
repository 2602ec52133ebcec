#include "btree/node.h"
#include "tests/btree/node_fixture.h"

namespace revd::btree {
namespace {

PagePointer child_pointer(uint64_t id) { return PagePointer::dirty(PageType::kLeaf, DirtyId(id)); }

// An inner node beside a list of (separator, child) that must always agree; the first separator is "".
struct ModelInner {
  struct Child {
    std::string separator;
    uint64_t id = 0;
  };

  ModelInner(OverflowStore& overflow_store, uint64_t first_child)
      : store(overflow_store),
        page(kInnerPageBytes),
        node(Inner::init(page.span(), 1, child_pointer(first_child))),
        model{{"", first_child}} {}

  Position find(std::string_view key) const {
    return InnerView::child_at(resolve_tie(node, key, node.find_separator(key), store.loader()).value());
  }
  size_t expected(std::string_view key) const {
    size_t i = model.size() - 1;
    while (i > 0 && key < model[i].separator) --i;
    return i;
  }
  bool has(std::string_view separator) const {
    const size_t i = expected(separator);
    return i > 0 && model[i].separator == separator;
  }
  // A separator behind the child that holds it, as after a split. False: no room.
  bool insert(const std::string& separator, uint64_t id) {
    const size_t index = find(separator).index + size_t{1};
    const CellKey key = store.cell_key(separator);
    const bool fits = node.can_insert(key);
    EXPECT_EQ(node.insert(index, key, child_pointer(id)), fits);
    if (fits) model.insert(model.begin() + static_cast<ptrdiff_t>(index), {separator, id});
    return fits;
  }
  void erase(size_t i) {
    node.erase_child(i);
    model.erase(model.begin() + static_cast<ptrdiff_t>(i));
    model[0].separator.clear();
  }

  OverflowStore& store;
  TestPage page;
  Inner node;
  std::vector<Child> model;
};

void expect_children(const OverflowStore& store, const InnerView& node,
                     const std::vector<ModelInner::Child>& model, size_t begin, size_t end) {
  ASSERT_NO_FATAL_FAILURE(expect_valid(node));
  ASSERT_EQ(node.count(), end - begin);
  for (size_t i = begin; i < end; ++i) {
    ASSERT_EQ(node.child(i - begin).dirty_id().value(), model[i].id);
    ASSERT_EQ(store.whole_key(node, i - begin), i == begin ? "" : model[i].separator);
  }
}

class InnerModel : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(All, InnerModel, ::testing::Range(0, KeyMaker::kStyles));

TEST_P(InnerModel, RandomOperationsAgreeWithList) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Random random(seed);
    OverflowStore store;
    KeyMaker make_key(random.fork(), GetParam());
    uint64_t next_id = 1;
    ModelInner tested(store, next_id++);
    for (int step = 0; step < 1500; ++step) {
      const uint64_t action = random.below(10);
      const std::string key = make_key();
      if (action < ((step / 300) % 2 == 0 ? 2u : 6u)) {
        if (tested.model.size() >= 2) tested.erase(random.below(tested.model.size()));
      } else if (action == 9 && tested.model.size() >= 2) {
        // Another separator for a child, between its neighbours'.
        const size_t i = 1 + random.below(tested.model.size() - 1);
        const bool in_order = key > tested.model[i - 1].separator && !key.empty() &&
                              (i + 1 == tested.model.size() || key < tested.model[i + 1].separator);
        if (in_order) {
          const CellKey cell = store.cell_key(key);
          const bool fits = tested.node.can_replace_separator(i, cell);
          ASSERT_EQ(tested.node.replace_separator(i, cell), fits);
          if (fits) tested.model[i].separator = key;
        }
      } else if (!key.empty() && !tested.has(key)) {
        tested.insert(key, next_id++);
      }
      if (random.chance(1, 100)) tested.node.compactify();
      const std::string probe = make_key();
      ASSERT_EQ(tested.find(probe).index, tested.expected(probe));
      if (step % 25 == 0) {
        ASSERT_NO_FATAL_FAILURE(expect_children(store, tested.node, tested.model, 0, tested.model.size()));
      }
    }
  }
}

TEST_P(InnerModel, SplitInsertMergeAndRebalanceKeepEverything) {
  size_t splits = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Random random(seed);
    OverflowStore store;
    KeyMaker make_key(random.fork(), GetParam());
    uint64_t next_id = 1;
    ModelInner tested(store, next_id++);
    std::string refused;
    for (int tries = 0; refused.empty() && tries < 3000; ++tries) {
      const std::string key = make_key();
      if (!key.empty() && !tested.has(key) && !tested.insert(key, next_id++)) refused = key;
    }
    if (refused.empty()) continue;
    ++splits;

    Inner& left = tested.node;
    const CellKey cell = store.cell_key(refused);
    const size_t index = tested.find(refused).index + size_t{1};
    const SplitPlan plan =
        left.plan_split(index, cell, random.chance(1, 2) ? SplitHint::kAppend : SplitHint::kBalanced);
    TestPage right_page(kInnerPageBytes);
    OwnedKey between = left.split(plan.cut, right_page.span());
    Inner right(right_page.span());
    ASSERT_TRUE((plan.into_right ? right : left).insert(plan.index, cell, child_pointer(next_id)));
    tested.model.insert(tested.model.begin() + static_cast<ptrdiff_t>(index), {refused, next_id++});

    const auto check_both = [&] {
      const size_t cut = left.count();
      ASSERT_EQ(cut + right.count(), tested.model.size());
      ASSERT_NO_FATAL_FAILURE(expect_children(store, left, tested.model, 0, cut));
      ASSERT_NO_FATAL_FAILURE(expect_children(store, right, tested.model, cut, tested.model.size()));
      ASSERT_EQ(store.whole(between.view()), tested.model[cut].separator);
    };
    ASSERT_NO_FATAL_FAILURE(check_both());

    while (right.count() > 2 && right.fill_percent() > 10 + random.below(30)) {
      const size_t victim = 1 + random.below(right.count() - 1);
      tested.model.erase(tested.model.begin() + static_cast<ptrdiff_t>(left.count() + victim));
      right.erase_child(victim);
    }
    ASSERT_NO_FATAL_FAILURE(check_both());
    const size_t merged = merged_bytes(left, between.view(), right);
    if (const auto moves = plan_rebalance(left, between.view(), right)) {
      OwnedKey next_between = separator_after(left, between.view(), right, *moves);
      rebalance(left, between.view(), right, *moves);
      between = std::move(next_between);
      ASSERT_EQ(left.count(), moves->left_count);
      ASSERT_NO_FATAL_FAILURE(check_both());
      ASSERT_EQ(merged_bytes(left, between.view(), right), merged);
    }
    if (merged <= kInnerPageBytes) {
      merge(left, between.view(), right);
      ASSERT_EQ(left.used_bytes(), merged);
      ASSERT_NO_FATAL_FAILURE(expect_children(store, left, tested.model, 0, tested.model.size()));
    }
  }
  if (GetParam() == 1 || GetParam() == 2 || GetParam() == 3) {
    EXPECT_GT(splits, 20u);
  }
}

TEST(Inner, OneChildTakesEveryKey) {
  OverflowStore store;
  const ModelInner tested(store, 5);
  EXPECT_EQ(tested.node.find_child("").index, 0u);
  EXPECT_EQ(tested.node.find_child("anything").index, 0u);
  EXPECT_EQ(tested.node.child(0).dirty_id(), DirtyId(5));
}

TEST(Inner, FirstChildsRemovalGivesItsRangeToTheNext) {
  OverflowStore store;
  ModelInner tested(store, 1);
  ASSERT_TRUE(tested.insert("f", 2));
  ASSERT_TRUE(tested.insert("m", 3));
  tested.erase(0);
  EXPECT_EQ(tested.node.child(tested.node.find_child("a").index).dirty_id(), DirtyId(2));
  EXPECT_EQ(tested.node.child(tested.node.find_child("z").index).dirty_id(), DirtyId(3));
  tested.erase(1);
  EXPECT_EQ(tested.node.count(), 1u);
  EXPECT_EQ(tested.node.child(tested.node.find_child("z").index).dirty_id(), DirtyId(2));
  ASSERT_NO_FATAL_FAILURE(expect_valid(tested.node));
}

TEST(Inner, AppendSplitLeavesTheLeftNodeFullAndBothWithTwoChildren) {
  OverflowStore store;
  ModelInner tested(store, 1);
  uint64_t id = 1;
  std::string separator;
  do separator = std::to_string(100000 + ++id);
  while (tested.insert(separator, id));
  const CellKey cell = store.cell_key(separator);
  const SplitPlan plan = tested.node.plan_split(tested.node.count(), cell, SplitHint::kAppend);
  TestPage right_page(kInnerPageBytes);
  tested.node.split(plan.cut, right_page.span());
  Inner right(right_page.span());
  ASSERT_TRUE(plan.into_right);
  ASSERT_TRUE(right.insert(plan.index, cell, child_pointer(id)));
  EXPECT_EQ(right.count(), 2u);
  EXPECT_GE(tested.node.fill_percent(), 99u);
}

}  // namespace
}  // namespace revd::btree

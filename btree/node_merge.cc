// Merging and rebalancing neighbours.
#include <algorithm>
#include <cstdlib>

#include "base/check.h"
#include "btree/node_internal.h"

namespace revd::btree {
namespace {

// Right's first key against left's last one, as far as their inline parts go.
Separator separator_at(const CellSource& source, size_t cut) {
  CHECK(cut >= 1 && cut < source.count());
  const OwnedKey left = source.owned_key(cut - 1);
  const OwnedKey right = source.owned_key(cut);
  const size_t common = common_prefix_bytes(left.inline_part, right.inline_part);
  if (common == right.inline_part.size()) return {.key = {}, .needs_whole_keys = true};
  return {.key = right.inline_part.substr(0, common + 1), .needs_whole_keys = false};
}

std::optional<RebalancePlan> plan(const CellSource& source, size_t page_bytes) {
  const size_t cells = source.count();
  const size_t least = source.level() == 0 ? 1 : 2;  // an inner node keeps two children
  if (cells < 2 * least) return std::nullopt;
  // Balanced by the bytes that the cells have at full key length: the prefixes of the halves are only
  // known afterwards, and they differ little.
  size_t all = 0;
  for (size_t i = 0; i < cells; ++i) all += source.at(i).bytes(0);
  size_t cut = 0;
  for (size_t left = 0; cut < cells - least && (cut < least || 2 * left < all); ++cut)
    left += source.at(cut).bytes(0);
  if (cut == source.left_count()) return std::nullopt;
  if (source.built_bytes(0, cut) > page_bytes || source.built_bytes(cut, cells) > page_bytes)
    return std::nullopt;
  return RebalancePlan{.left_count = cut};
}

void merge_into(MutableByteSpan left_page, const CellSource& source) {
  build_node(left_page, source, 0, source.count());
}

}  // namespace

Separator separator_between(const LeafView& left, const LeafView& right) {
  return separator_at(CellSource(left, right), left.count());
}
Separator separator_after(const LeafView& left, const LeafView& right, const RebalancePlan& plan) {
  return separator_at(CellSource(left, right), plan.left_count);
}

size_t merged_bytes(const LeafView& left, const LeafView& right) {
  return CellSource(left, right).total_bytes();
}

void merge(Leaf& left, const LeafView& right) {
  CHECK(left.page_bytes() == right.page_bytes());
  const NodeCopy copy(left);
  merge_into(left.mutable_page(), CellSource(copy.view(), right));
}

std::optional<RebalancePlan> plan_rebalance(const LeafView& left, const LeafView& right) {
  return plan(CellSource(left, right), left.page_bytes());
}

void rebalance(Leaf& left, Leaf& right, const RebalancePlan& plan) {
  CHECK(left.page_bytes() == right.page_bytes());
  const NodeCopy left_copy(left);
  const NodeCopy right_copy(right);
  const CellSource source(left_copy.view(), right_copy.view());
  build_node(left.mutable_page(), source, 0, plan.left_count);
  build_node(right.mutable_page(), source, plan.left_count, source.count());
}

size_t merged_bytes(const InnerView& left, const CellKey& between, const InnerView& right) {
  return CellSource(left, between, right).total_bytes();
}

void merge(Inner& left, const CellKey& between, const InnerView& right) {
  CHECK(left.page_bytes() == right.page_bytes() && left.level() == right.level());
  const NodeCopy copy(left);
  merge_into(left.mutable_page(), CellSource(copy.view(), between, right));
}

std::optional<RebalancePlan> plan_rebalance(const InnerView& left, const CellKey& between,
                                            const InnerView& right) {
  return plan(CellSource(left, between, right), left.page_bytes());
}

OwnedKey separator_after(const InnerView& left, const CellKey& between, const InnerView& right,
                         const RebalancePlan& plan) {
  return CellSource(left, between, right).owned_key(plan.left_count);
}

void rebalance(Inner& left, const CellKey& between, Inner& right, const RebalancePlan& plan) {
  CHECK(left.page_bytes() == right.page_bytes() && left.level() == right.level());
  const NodeCopy left_copy(left);
  const NodeCopy right_copy(right);
  const CellSource source(left_copy.view(), between, right_copy.view());
  build_node(left.mutable_page(), source, 0, plan.left_count);
  build_node(right.mutable_page(), source, plan.left_count, source.count());
}

}  // namespace revd::btree

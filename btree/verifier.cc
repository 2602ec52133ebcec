#include "btree/verifier.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/strings.h"
#include "btree/overflow.h"
#include "btree/page_store.h"
#include "btree/walker.h"

namespace revd::btree {

namespace {

Error finding(const PageRequest& request, std::string_view what) {
  return Error(ErrorCode::kDataLoss, str_cat("tree ", request.tree.value(), ", level ", request.level, ", ",
                                             request.pointer.describe(), ": ", what));
}

// Where something was reached: proves that no two things share a sector.
class SectorSet {
 public:
  explicit SectorSet(uint64_t file_blocks) : map_(file_blocks) { map_.load_empty(); }
  Status add(const Extent& extent, std::string_view what) {
    if (!map_.mark_used(extent))
      return Error(ErrorCode::kDataLoss,
                   str_cat("sector ", extent.sector, " (", extent.sectors, " of them) of ", what,
                           " is in use twice, or outside of the file"));
    return {};
  }
  uint64_t sectors() const { return map_.used_sectors(); }

 private:
  SpaceMap map_;
};

// Checks one tree while it is walked.
class TreeChecker final : public PageVisitor {
 public:
  TreeChecker(PageStore& store, SectorSet& reached, TreeReport& report)
      : store_(store), reached_(reached), report_(report) {}

  Status visit(const PageRequest& request, ByteSpan page) override {
    if (request.pointer.is_on_disk())
      TRY(reached_.add(extent_of(request.pointer), request.pointer.describe()));
    if (request.covered_bytes > 0) {
      ++report_.overflow_pages;
      return {};
    }
    const NodeView node(page);
    if (node.level() != request.level) return finding(request, "it is of another level than its parent says");
    if (node.count() == 0) return finding(request, "it is empty");
    if (request.level > 0) {
      if (root_seen_) add_fill(node, inner_used_, inner_room_);
      root_seen_ = true;
      ++report_.inner_pages;
      return {};
    }
    root_seen_ = true;
    ++report_.leaf_pages;
    add_fill(node, leaf_used_, leaf_room_);
    return check_keys(request, LeafView(page));
  }

  // Separators bound the keys on both sides: previous key < separator <= next key.
  Status enter_child(TreeId tree, const InnerView& node, size_t i) override {
    if (i == 0) return {};
    TRY(read_key(store_, context_, tree, node, i, key_));
    const bool bad = (last_ && !(*last_ < key_)) || (bound_ && !(*bound_ < key_));
    if (bad)
      return Error(ErrorCode::kDataLoss, str_cat("tree ", tree.value(), ": a separator is out of order"));
    bound_ = key_;
    return {};
  }

  void finish() {
    if (leaf_room_ > 0) report_.leaf_fill_percent = static_cast<unsigned>(leaf_used_ * 100 / leaf_room_);
    if (inner_room_ > 0) report_.inner_fill_percent = static_cast<unsigned>(inner_used_ * 100 / inner_room_);
  }

 private:
  static void add_fill(const NodeView& node, uint64_t& used, uint64_t& room) {
    used += node.used_bytes() - kNodeHeadsAt;
    room += node.page_bytes() - kNodeHeadsAt;
  }

  Status check_keys(const PageRequest& request, const LeafView& leaf) {
    for (size_t i = 0; i < leaf.count(); ++i) {
      TRY(read_key(store_, context_, request.tree, leaf, i, key_));
      if (last_ && !(*last_ < key_)) return finding(request, "its keys are out of order");
      if (bound_ && key_ < *bound_) return finding(request, "a key lies before the separator");
      last_ = key_;
    }
    report_.keys += leaf.count();
    return {};
  }

  PageStore& store_;
  SectorSet& reached_;
  TreeReport& report_;
  ReadContext context_;
  std::string key_;
  std::optional<std::string> last_;
  std::optional<std::string> bound_;
  bool root_seen_ = false;
  uint64_t leaf_used_ = 0;
  uint64_t leaf_room_ = 0;
  uint64_t inner_used_ = 0;
  uint64_t inner_room_ = 0;
};

// What an older superblock refers to must be readable and not be free.
class OldChecker final : public PageVisitor {
 public:
  OldChecker(const SpaceMap& space, uint64_t& pages) : space_(space), pages_(pages) {}
  Status visit(const PageRequest& request, ByteSpan) override {
    ++pages_;
    if (space_.all_used(extent_of(request.pointer))) return {};
    return finding(request, "a superblock refers to it, but its sectors count as free");
  }
  Status enter_child(TreeId, const InnerView&, size_t) override { return {}; }

 private:
  const SpaceMap& space_;
  uint64_t& pages_;
};

Status check_fill(const TreeReport& tree, unsigned least) {
  constexpr uint64_t kPagesForBound = 8;
  if (tree.leaf_pages >= kPagesForBound && tree.leaf_fill_percent < least)
    return Error(ErrorCode::kDataLoss, str_cat("tree ", tree.tree.value(), ": its leaves are only ",
                                               tree.leaf_fill_percent, " percent full"));
  if (tree.inner_pages > kPagesForBound && tree.inner_fill_percent < least)
    return Error(ErrorCode::kDataLoss, str_cat("tree ", tree.tree.value(), ": its inner nodes are only ",
                                               tree.inner_fill_percent, " percent full"));
  return {};
}

Status check_trees(PageStore& store, const VerifyOptions& options, SectorSet& reached, VerifyReport& report) {
  for (const TreeEntry& tree : store.entries(store.versions().published())) {
    TreeReport& result = report.trees.emplace_back();
    result.tree = tree.id;
    TreeChecker checker(store, reached, result);
    TRY(walk_tree(store, tree, checker));
    checker.finish();
    if (result.keys != tree.key_count)
      return Error(ErrorCode::kDataLoss,
                   str_cat("tree ", tree.id.value(), " has ", result.keys, " keys, not ", tree.key_count,
                           " as its directory entry says"));
    TRY(check_fill(result, options.min_fill_percent));
  }
  return {};
}

Status check_superblock(PageStore& store, const Superblock& superblock, uint64_t& pages) {
  OldChecker checker(store.space(), pages);
  for (const TreeEntry& tree : superblock.trees) TRY(walk_tree(store, tree, checker));
  if (superblock.space_map.is_null()) return {};
  return walk_object(store, TreeId(), superblock.space_map, superblock.space_map_bytes, checker);
}

}  // namespace

Result<VerifyReport> verify_page_file(PageStore& store, const VerifyOptions& options) {
  TRY(store.load_space_map());
  SpaceMap& space = store.space();
  VerifyReport report;
  SectorSet reached(space.file_blocks());
  const uint64_t nothing = reached.sectors();
  TRY(check_trees(store, options, reached, report));
  for (const Extent& extent : store.image_extents()) TRY(reached.add(extent, "the space map"));
  report.live_sectors = reached.sectors() - nothing;
  for (const RetiredExtent& retired : space.retired()) TRY(reached.add(retired.extent, "a retired extent"));
  report.retired_sectors = space.retired_sectors();
  if (reached.sectors() != space.used_sectors())
    return Error(ErrorCode::kDataLoss, str_cat(space.used_sectors(), " sectors count as used, but ",
                                               reached.sectors(), " are reached"));
  uint64_t newest_pages = 0;
  TRY(check_superblock(store, store.superblock(), newest_pages));
  if (!options.walk_predecessor) return report;
  if (const auto predecessor = store.read_predecessor(); predecessor.ok())
    TRY(check_superblock(store, *predecessor, report.predecessor_pages));
  return report;
}

}  // namespace revd::btree

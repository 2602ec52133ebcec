#include "btree/overflow.h"

#include "base/check.h"
#include "btree/overflow_format.h"

namespace revd::btree {

namespace {

// Visits the pages of one object, parents first, leaving out those that lie within its first `skip` bytes.
struct ObjectWalk {
  PageStore& store;
  ReadContext& context;
  TreeId tree;
  uint64_t skip = 0;
  uint64_t position = 0;

  // f(reference, level, covered bytes) for the page and all below it.
  template <typename F>
  Status visit(const PagePointer& page, uint8_t level, uint64_t covered, F& f) {
    if (position + covered <= skip) {
      position += covered;
      return {};
    }
    TRY(f(page, level, covered));
    if (level == 0) {
      position += covered;
      return {};
    }
    const PageRequest request{.tree = tree, .pointer = page, .level = level, .covered_bytes = covered};
    TRY_ASSIGN(const PageRef pinned, store.fetch_pinned(context, request));
    const OverflowIndexView index(store.page(pinned.frame()));
    for (size_t i = 0; i < index.count(); ++i) {
      const uint64_t begin = index.child_begin(i);
      const uint64_t below = std::min(covered - begin, OverflowShape::child_span(level));
      TRY(visit(index.child(i), static_cast<uint8_t>(level - 1), below, f));
    }
    return {};
  }
};

}  // namespace

Status read_object(PageStore& store, ReadContext& context, TreeId tree, const PagePointer& root,
                   uint64_t bytes, std::string& out) {
  std::string object;
  if (context.partial_root == root) object = std::exchange(context.partial, {});
  const auto append = [&](const PagePointer& page, uint8_t level, uint64_t covered) -> Status {
    if (level > 0) return {};
    TRY_ASSIGN(const FrameId frame,
               store.fetch(context, {.tree = tree, .pointer = page, .level = 0, .covered_bytes = covered}));
    object.append(as_view(overflow_data(store.page(frame))));
    return {};
  };
  ObjectWalk walk{.store = store, .context = context, .tree = tree, .skip = object.size()};
  Status status = walk.visit(root, OverflowShape(bytes).levels, bytes, append);
  if (status.ok()) {
    if (out.empty())
      out = std::move(object);
    else
      out.append(object);
  } else if (status.error().code() == ErrorCode::kWouldBlock) {
    context.partial_root = root;
    context.partial = std::move(object);
  }
  return status;
}

Status collect_object(PageStore& store, ReadContext& context, TreeId tree, const PagePointer& root,
                      uint64_t bytes, std::vector<PagePointer>& pages) {
  const auto collect = [&](const PagePointer& page, uint8_t, uint64_t) -> Status {
    pages.push_back(page);
    return {};
  };
  ObjectWalk walk{.store = store, .context = context, .tree = tree};
  return walk.visit(root, OverflowShape(bytes).levels, bytes, collect);
}

Result<PagePointer> write_object(PageStore& store, TreeId tree, std::string_view bytes) {
  CHECK(!bytes.empty());
  const OverflowShape shape(bytes.size());
  std::vector<PagePointer> made;   // all pages
  std::vector<PagePointer> level;  // those of the level below
  const auto make = [&](PageType type, size_t page_bytes) -> Result<PageRef> {
    if (Status status = store.reserve(1); !status.ok()) {
      for (const PagePointer& page : made) store.release(page);
      return status.error();
    }
    PagePointer reference;
    PageRef page = store.new_page(tree, type, page_bytes, reference);
    made.push_back(reference);
    level.push_back(reference);
    return page;
  };
  for (uint64_t i = 0; i < shape.data_pages; ++i) {
    TRY_ASSIGN(const PageRef page, make(PageType::kOverflow, shape.data_page_bytes(i)));
    write_overflow_data(store.mutable_page(page.frame()),
                        as_bytes(bytes.substr(i * kOverflowDataBytes, shape.covered_bytes(0, i))));
  }
  for (uint8_t l = 1; l <= shape.levels; ++l) {
    const std::vector<PagePointer> below = std::exchange(level, {});
    size_t first = 0;
    for (uint64_t i = 0; i < shape.pages_at(l); ++i) {
      const uint64_t covered = shape.covered_bytes(l, i);
      const size_t children = OverflowShape::children_for(l, covered);
      TRY_ASSIGN(const PageRef page, make(PageType::kOverflowIndex, overflow_index_page_bytes(children)));
      write_overflow_index(store.mutable_page(page.frame()), l, covered,
                           std::span(below).subspan(first, children));
      first += children;
    }
  }
  CHECK(level.size() == 1);
  return level.front();
}

Status read_key(PageStore& store, ReadContext& context, TreeId tree, const NodeView& node, size_t i,
                std::string& key) {
  key.clear();
  node.append_inline_key(i, key);
  const auto rest = node.key_rest(i);
  if (!rest) return {};
  return read_object(store, context, tree, rest->root, rest_bytes(*rest), key);
}

Result<Position> settle_tie(PageStore& store, ReadContext& context, TreeId tree, const NodeView& node,
                            std::string_view key, Position tied) {
  return resolve_tie(node, key, tied, [&](const OverflowRef& rest) -> Result<std::string> {
    std::string bytes;
    TRY(read_object(store, context, tree, rest.root, rest_bytes(rest), bytes));
    return bytes;
  });
}

}  // namespace revd::btree

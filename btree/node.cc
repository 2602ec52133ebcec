#include "btree/node.h"

#include "base/check.h"
#include "btree/node_internal.h"

namespace revd::btree {
namespace {

// A cell put together from the caller's key and value; keeps the encoded references that it points to.
struct NewCell {
  NewCell(const CellKey& key, const CellValue& value) {
    set_key(key);
    parts.payload_overflows = value.overflow.has_value();
    parts.payload = value.overflow ? encode_ref(value.overflow, payload_room) : as_bytes(value.bytes);
  }
  NewCell(const CellKey& key, const PagePointer& child) {
    set_key(key);
    child.store(payload_room.data());
    parts.payload = ByteSpan(payload_room).first(PagePointer::kBytes);
  }
  NewCell(const NewCell&) = delete;
  NewCell& operator=(const NewCell&) = delete;

  void set_key(const CellKey& key) {
    CHECK(key.rest
              ? key.inline_part.size() == kMaxInlineKeyBytes && key.rest->total_bytes > kMaxInlineKeyBytes
              : key.inline_part.size() <= kMaxInlineKeyBytes);
    parts.key_end = key.inline_part;
    parts.key_rest = encode_ref(key.rest, key_room);
  }

  CellParts parts;
  EncodedRef key_room;
  EncodedRef payload_room;
};

size_t key_pointer_offset(const NodeView& node, size_t i) {
  CHECK(node.key_overflows(i));
  return NodeReader(node).payload_offset(i) - PagePointer::kBytes;
}

}  // namespace

Leaf Leaf::init(MutableByteSpan page) {
  NodeEditor(page).init(0);
  return Leaf(page);
}

bool Leaf::can_insert(const CellKey& key, const CellValue& value) const {
  return NodeEditor(mutable_page_).can_insert(NewCell(key, value).parts);
}

bool Leaf::insert(size_t index, const CellKey& key, const CellValue& value) {
  return NodeEditor(mutable_page_).insert(index, NewCell(key, value).parts);
}

bool Leaf::replace_value(size_t i, const CellValue& value) {
  EncodedRef room;
  const ByteSpan payload = value.overflow ? encode_ref(value.overflow, room) : as_bytes(value.bytes);
  return NodeEditor(mutable_page_).replace_payload(i, payload, value.overflow.has_value());
}

void Leaf::erase(size_t i) { NodeEditor(mutable_page_).erase(i); }

void Leaf::set_value_pointer(size_t i, const PagePointer& root) {
  CHECK(value_overflows(i));
  NodeEditor(mutable_page_).set_pointer(payload_offset(i) + kOverflowRefBytes - PagePointer::kBytes, root);
}

void Leaf::set_key_pointer(size_t i, const PagePointer& root) {
  NodeEditor(mutable_page_).set_pointer(key_pointer_offset(*this, i), root);
}

SplitPlan Leaf::plan_split(size_t index, const CellKey& key, const CellValue& value, SplitHint hint) const {
  return NodeEditor(mutable_page_).plan_split(index, NewCell(key, value).parts, hint);
}

void Leaf::split(size_t cut, Leaf& right) {
  CHECK(cut <= count() && right.count() == 0 && right.page_bytes() == page_bytes());
  if (cut == count()) return;
  const NodeCopy copy(*this);
  const NodeView view = copy.view();
  const CellSource source(view);
  build_node(right.mutable_page(), source, cut, view.count());
  build_node(mutable_page_, source, 0, cut);
}

void Leaf::compactify() { NodeEditor(mutable_page_).compactify(); }

Inner Inner::init(MutableByteSpan page, uint8_t level, const PagePointer& first_child) {
  CHECK(level >= 1);
  NodeEditor editor(page);
  editor.init(level);
  editor.insert_first_child(NewCell(CellKey{}, first_child).parts);
  return Inner(page);
}

bool Inner::can_insert(const CellKey& separator) const {
  return NodeEditor(mutable_page_).can_insert(NewCell(separator, PagePointer()).parts);
}

bool Inner::insert(size_t index, const CellKey& separator, const PagePointer& child) {
  return NodeEditor(mutable_page_).insert(index, NewCell(separator, child).parts);
}

void Inner::erase_child(size_t i) {
  CHECK(count() >= 2 && i < count());
  // Without child 0 the next one is the first, and its range begins at minus infinity.
  if (i == 0) set_child(0, child(1));
  NodeEditor(mutable_page_).erase(std::max<size_t>(i, 1));
}

void Inner::set_child(size_t i, const PagePointer& child) {
  NodeEditor(mutable_page_).set_pointer(payload_offset(i), child);
}

void Inner::set_key_pointer(size_t i, const PagePointer& root) {
  NodeEditor(mutable_page_).set_pointer(key_pointer_offset(*this, i), root);
}

bool Inner::can_replace_separator(size_t i, const CellKey& separator) const {
  CHECK(i >= 1 && i < count());
  return NodeEditor(mutable_page_).can_insert(NewCell(separator, PagePointer()).parts, i);
}

bool Inner::replace_separator(size_t i, const CellKey& separator) {
  if (!can_replace_separator(i, separator)) return false;
  const PagePointer kept = child(i);
  NodeEditor editor(mutable_page_);
  editor.erase(i);
  CHECK(editor.insert(i, NewCell(separator, kept).parts));
  return true;
}

SplitPlan Inner::plan_split(size_t index, const CellKey& separator, SplitHint hint) const {
  return NodeEditor(mutable_page_).plan_split(index, NewCell(separator, PagePointer()).parts, hint);
}

OwnedKey Inner::split(size_t cut, MutableByteSpan right_page) {
  CHECK(cut >= 1 && cut < count() && right_page.size() == page_bytes());
  const NodeCopy copy(*this);
  const NodeView view = copy.view();
  const CellSource source(view);
  build_node(right_page, source, cut, view.count());
  build_node(mutable_page_, source, 0, cut);
  return source.owned_key(cut);
}

void Inner::compactify() { NodeEditor(mutable_page_).compactify(); }

void write_compact(const NodeView& node, MutableByteSpan out) {
  CHECK(out.size() == node.page_bytes());
  build_node(out, CellSource(node), 0, node.count());
}

ByteSpan disk_image(ByteSpan page, PageType type, MutableByteSpan scratch) {
  if (type != PageType::kLeaf && type != PageType::kInner) return page;
  const MutableByteSpan out = scratch.first(page.size());
  write_compact(NodeView(page), out);
  return out;
}

}  // namespace revd::btree

#include <algorithm>

#include "base/check.h"
#include "btree/node_internal.h"

namespace revd::btree {

CellParts NodeReader::parts(size_t i) const {
  const std::string_view end = suffix(i);
  const size_t payload = payload_offset(i);
  const size_t rest_bytes = key_overflows(i) ? kOverflowRefBytes : 0;
  return {.key_begin = i < first_key_slot() ? std::string_view() : prefix(),
          .key_end = end,
          .key_rest = page().subspan(payload - rest_bytes, rest_bytes),
          .payload = page().subspan(payload, payload_bytes(i)),
          .payload_overflows = (payload_word(i) & kOverflowFlag) != 0,
          .in_one_piece = true};
}

CellParts CellSource::at(size_t i) const {
  if (i < left_.count()) return left_.parts(i);
  CellParts cell = right_.parts(i - left_.count());
  if (i == left_.count() && level() > 0) {
    cell.key_begin = between_;
    cell.key_rest = between_rest_;
    cell.in_one_piece = false;
  }
  return cell;
}

OwnedKey CellSource::owned_key(size_t i) const {
  const CellParts cell = at(i);
  OwnedKey key;
  key.inline_part.append(cell.key_begin).append(cell.key_end);
  if (!cell.key_rest.empty()) key.rest = OverflowRef::load(cell.key_rest.data());
  return key;
}

size_t CellSource::shared_prefix_bytes(size_t begin, size_t end) const {
  begin += first_key_slot();
  if (begin >= end) return 0;
  const CellParts first = at(begin);
  const CellParts last = at(end - 1);
  const auto byte_at = [](const CellParts& cell, size_t i) {
    return i < cell.key_begin.size() ? cell.key_begin[i] : cell.key_end[i - cell.key_begin.size()];
  };
  const size_t limit = std::min(first.inline_key_bytes(), last.inline_key_bytes());
  size_t shared = 0;
  // The keys of one node begin with its prefix.
  if (first.key_begin.data() == last.key_begin.data()) shared = first.key_begin.size();
  while (shared < limit && byte_at(first, shared) == byte_at(last, shared)) ++shared;
  return shared;
}

size_t CellSource::built_bytes(size_t begin, size_t end) const {
  const size_t prefix = shared_prefix_bytes(begin, end);
  size_t bytes = kNodeHeadsAt + prefix;
  for (size_t i = begin; i < end; ++i) {
    CellParts cell = at(i);
    if (i < begin + first_key_slot()) {
      cell.key_begin = cell.key_end = {};
      cell.key_rest = {};
      bytes += cell.bytes(0);
    } else {
      bytes += cell.bytes(prefix);
    }
  }
  return bytes;
}

size_t CellSource::total_bytes() const {
  const size_t prefix = shared_prefix_bytes(0, count_);
  const size_t left_keys = left_.count() - std::min(left_.count(), first_key_slot());
  size_t bytes = kNodeHeadsAt + prefix + count_ * (kHeadBytes + kSlotBytes) + left_.live_cell_bytes() +
                 left_keys * left_.prefix_bytes() - left_keys * prefix;
  if (count_ == left_.count()) return bytes;
  const size_t right_keys = right_.count() - first_key_slot();
  bytes += right_.live_cell_bytes() + right_keys * right_.prefix_bytes() - right_keys * prefix;
  if (level() > 0) bytes += between_.size() - prefix + between_rest_.size();
  return bytes;
}

void build_node(MutableByteSpan out, const CellSource& source, size_t begin, size_t end,
                size_t max_prefix_bytes) {
  NodeEditor node(out);
  node.init(source.level());
  const size_t prefix = std::min(source.shared_prefix_bytes(begin, end), max_prefix_bytes);
  if (prefix > 0) {
    const CellParts first = source.at(begin + source.first_key_slot());
    std::byte* to = out.data() + out.size() - prefix;
    const size_t from_begin = std::min(prefix, first.key_begin.size());
    std::memcpy(to, first.key_begin.data(), from_begin);
    std::memcpy(to + from_begin, first.key_end.data(), prefix - from_begin);
    node.set_u16(kNodePrefixBytesAt, prefix);
    node.set_u16(kNodeHeapStartAt, out.size() - prefix);
  }
  // The slots stand behind all heads: the count must be known before the first is written.
  node.set_u16(kNodeCountAt, end - begin);
  size_t heap = out.size() - prefix;
  std::byte* heads = out.data() + kNodeHeadsAt;
  std::byte* slots = heads + (end - begin) * kHeadBytes;
  for (size_t i = begin; i < end; ++i) {
    CellParts cell = source.at(i);
    if (i < begin + source.first_key_slot()) {
      cell.key_begin = cell.key_end = {};
      cell.key_rest = {};
      cell.in_one_piece = false;
    }
    const size_t cut = i < begin + source.first_key_slot() ? 0 : prefix;
    const size_t bytes = cell.bytes(cut) - kHeadBytes - kSlotBytes;
    CHECK(heap >= static_cast<size_t>(slots - out.data()) + (end - begin) * kSlotBytes + bytes);
    heap -= bytes;
    const uint32_t head = write_cell(out.data() + heap, cell, cut);
    store_le(heads + (i - begin) * kHeadBytes, head);
    store_le(slots + (i - begin) * kSlotBytes, static_cast<uint16_t>(heap));
  }
  node.set_u16(kNodeHeapStartAt, heap);
}

uint32_t write_cell(std::byte* to, const CellParts& cell, size_t prefix) {
  const size_t suffix = cell.inline_key_bytes() - prefix;
  store_le(to, static_cast<uint16_t>(suffix | (cell.key_rest.empty() ? 0 : kOverflowFlag)));
  store_le(to + 2, static_cast<uint16_t>(cell.payload.size() | (cell.payload_overflows ? kOverflowFlag : 0)));
  std::byte* at = to + kCellHeaderBytes;
  const auto append = [&at](const void* from, size_t bytes) {
    if (bytes > 0) std::memcpy(at, from, bytes);
    at += bytes;
  };
  if (cell.in_one_piece && prefix >= cell.key_begin.size()) {
    const size_t cut = prefix - cell.key_begin.size();
    append(cell.key_end.data() + cut, suffix + cell.key_rest.size() + cell.payload.size());
  } else {
    const size_t from_begin = std::min(prefix, cell.key_begin.size());
    append(cell.key_begin.data() + from_begin, cell.key_begin.size() - from_begin);
    append(cell.key_end.data() + (prefix - from_begin), cell.key_end.size() - (prefix - from_begin));
    append(cell.key_rest.data(), cell.key_rest.size());
    append(cell.payload.data(), cell.payload.size());
  }
  return key_head(as_view({to + kCellHeaderBytes, suffix}));
}

}  // namespace revd::btree

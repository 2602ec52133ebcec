#include "btree/overflow_format.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/strings.h"

namespace revd::btree {
namespace {

constexpr uint8_t kIndexVersion = 1;
constexpr size_t kVersionAt = kExtentHeaderBytes;  // u8
constexpr size_t kLevelAt = kVersionAt + 1;        // u8
constexpr size_t kCountAt = kVersionAt + 2;        // u16
constexpr size_t kReservedAt = kVersionAt + 4;     // u32, 0
constexpr size_t kCoveredAt = kVersionAt + 8;      // u64
constexpr size_t kChildrenAt = kVersionAt + kOverflowIndexHeaderBytes;
constexpr uint8_t kMaxIndexLevel = 5;  // 510^5 data pages: more than 2^58 bytes

Error damaged(const char* what) { return {ErrorCode::kDataLoss, str_cat("damaged overflow page: ", what)}; }

uint64_t divide_up(uint64_t a, uint64_t b) { return a / b + (a % b != 0 ? 1 : 0); }

}  // namespace

OverflowShape::OverflowShape(uint64_t object_bytes)
    : total_bytes(object_bytes), data_pages(divide_up(object_bytes, kOverflowDataBytes)), levels(0) {
  CHECK(object_bytes >= 1 && object_bytes <= span(kMaxIndexLevel));
  while (span(levels) < object_bytes) ++levels;
}

uint64_t OverflowShape::span(uint8_t level) {
  CHECK(level <= kMaxIndexLevel);
  uint64_t bytes = kOverflowDataBytes;
  for (uint8_t i = 0; i < level; ++i) bytes *= kOverflowFanout;
  return bytes;
}

uint64_t OverflowShape::pages_at(uint8_t level) const { return divide_up(total_bytes, span(level)); }

uint64_t OverflowShape::covered_bytes(uint8_t level, uint64_t i) const {
  CHECK(i < pages_at(level));
  return std::min(span(level), total_bytes - i * span(level));
}

size_t OverflowShape::children_for(uint8_t level, uint64_t covered_bytes) {
  return static_cast<size_t>(divide_up(covered_bytes, child_span(level)));
}

size_t OverflowShape::data_page_bytes(uint64_t i) const {
  return kExtentHeaderBytes + static_cast<size_t>(covered_bytes(0, i));
}

void write_overflow_data(MutableByteSpan page, ByteSpan data) {
  CHECK(!data.empty() && data.size() <= kOverflowDataBytes &&
        page.size() == kExtentHeaderBytes + data.size());
  std::memset(page.data(), 0, kExtentHeaderBytes);
  std::memcpy(page.data() + kExtentHeaderBytes, data.data(), data.size());
}

uint8_t OverflowIndexView::level() const { return load_le<uint8_t>(page_.data() + kLevelAt); }
size_t OverflowIndexView::count() const { return load_le<uint16_t>(page_.data() + kCountAt); }
uint64_t OverflowIndexView::covered_bytes() const { return load_le<uint64_t>(page_.data() + kCoveredAt); }
PagePointer OverflowIndexView::child(size_t i) const {
  return PagePointer::load(page_.data() + child_offset(i));
}
size_t OverflowIndexView::child_offset(size_t i) { return kChildrenAt + i * PagePointer::kBytes; }

void write_overflow_index(MutableByteSpan page, uint8_t level, uint64_t covered_bytes,
                          std::span<const PagePointer> children) {
  CHECK(level >= 1 && level <= kMaxIndexLevel && covered_bytes <= OverflowShape::span(level));
  CHECK(children.size() == OverflowShape::children_for(level, covered_bytes));
  CHECK(page.size() == overflow_index_page_bytes(children.size()));
  std::memset(page.data(), 0, kChildrenAt);
  store_le(page.data() + kVersionAt, kIndexVersion);
  store_le(page.data() + kLevelAt, level);
  store_le(page.data() + kCountAt, static_cast<uint16_t>(children.size()));
  store_le(page.data() + kCoveredAt, covered_bytes);
  for (size_t i = 0; i < children.size(); ++i)
    children[i].store(page.data() + OverflowIndexView::child_offset(i));
}

Status validate_overflow_page(ByteSpan page, const OverflowExpectation& expected) {
  const uint64_t covered = expected.covered_bytes;
  if (covered == 0 || expected.level > kMaxIndexLevel || covered > OverflowShape::span(expected.level))
    return damaged("impossible length");
  if (expected.level == 0) {
    if (page.size() != kExtentHeaderBytes + covered) return damaged("length of the data");
    return {};
  }
  const size_t count = OverflowShape::children_for(expected.level, covered);
  if (page.size() != overflow_index_page_bytes(count)) return damaged("length of the index");
  const OverflowIndexView view(page);
  if (load_le<uint8_t>(page.data() + kVersionAt) != kIndexVersion) return damaged("unknown version");
  if (view.level() != expected.level || view.count() != count || view.covered_bytes() != covered ||
      load_le<uint32_t>(page.data() + kReservedAt) != 0)
    return damaged("index header");
  for (size_t i = 0; i < count; ++i) {
    const PagePointer child = view.child(i);
    const uint64_t child_bytes =
        std::min(OverflowShape::child_span(expected.level), covered - view.child_begin(i));
    const size_t child_page = expected.level == 1
                                  ? kExtentHeaderBytes + static_cast<size_t>(child_bytes)
                                  : overflow_index_page_bytes(OverflowShape::children_for(
                                        static_cast<uint8_t>(expected.level - 1), child_bytes));
    const bool usable = child.is_well_formed() ? child.raw_bytes() == child_page
                                               : expected.dirty_pointers_allowed && child.is_dirty();
    if (!usable || child.type() != (expected.level == 1 ? expected.types.data : expected.types.index))
      return damaged("child pointer");
  }
  return {};
}

}  // namespace revd::btree

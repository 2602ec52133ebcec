#include "btree/overflow_format.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/random.h"

namespace revd::btree {
namespace {

using Page = std::vector<std::byte>;

// Writes an object's pages into a map, bottom-up, as a tree does; gives the root.
class ObjectWriter {
 public:
  PagePointer write(ByteSpan object) {
    const OverflowShape shape(object.size());
    std::vector<PagePointer> below;
    for (uint64_t i = 0; i < shape.pages_at(0); ++i) {
      Page page(shape.data_page_bytes(i));
      write_overflow_data(page, object.subspan(i * kOverflowDataBytes, shape.covered_bytes(0, i)));
      below.push_back(add(PageType::kOverflow, std::move(page)));
    }
    for (uint8_t level = 1; level <= shape.levels; ++level) {
      std::vector<PagePointer> here;
      for (uint64_t i = 0; i < shape.pages_at(level); ++i) {
        const uint64_t covered = shape.covered_bytes(level, i);
        const std::span<const PagePointer> children =
            std::span(below).subspan(i * kOverflowFanout, OverflowShape::children_for(level, covered));
        Page page(overflow_index_page_bytes(children.size()));
        write_overflow_index(page, level, covered, children);
        here.push_back(add(PageType::kOverflowIndex, std::move(page)));
      }
      below = std::move(here);
    }
    EXPECT_EQ(below.size(), 1u);
    return below[0];
  }

  // The byte at `offset` of an object, from the root down.
  std::byte byte_at(PagePointer pointer, uint64_t total, uint64_t offset) {
    uint8_t level = OverflowShape(total).levels;
    uint64_t covered = total;
    while (true) {
      const Page& page = pages.at(pointer.dirty_id().value());
      const Status status = validate_overflow_page(
          page, {.level = level, .covered_bytes = covered, .types = {}, .dirty_pointers_allowed = true});
      EXPECT_TRUE(status.ok()) << status.error().describe();
      if (level == 0) return overflow_data(page)[offset];
      const OverflowIndexView index(page);
      EXPECT_EQ(index.covered_bytes(), covered);
      const size_t i = index.child_of(offset);
      pointer = index.child(i);
      offset -= index.child_begin(i);
      covered = std::min(OverflowShape::child_span(level), covered - index.child_begin(i));
      --level;
    }
  }

  std::map<uint64_t, Page> pages;

 private:
  PagePointer add(PageType type, Page page) {
    const uint64_t id = pages.size() + 1;
    pages[id] = std::move(page);
    return PagePointer::dirty(type, DirtyId(id));
  }
};

TEST(OverflowFormat, EachByteIsFoundWhereItWasWritten) {
  for (const uint64_t total :
       {uint64_t{1}, uint64_t{5000}, uint64_t{kOverflowDataBytes}, uint64_t{kOverflowDataBytes + 1},
        uint64_t{3 * kOverflowDataBytes}, OverflowShape::span(1), OverflowShape::span(1) + 1}) {
    Page object(total);
    Random random(total);
    random.fill(object);
    ObjectWriter writer;
    const PagePointer root = writer.write(object);
    for (int i = 0; i < 200; ++i) {
      const uint64_t offset = i == 0 ? total - 1 : random.below(total);
      ASSERT_EQ(writer.byte_at(root, total, offset), object[offset]) << total << " " << offset;
    }
  }
}

TEST(OverflowFormat, ShapeOfKnownSizes) {
  EXPECT_EQ(kOverflowDataBytes, 16344u);
  EXPECT_EQ(kOverflowFanout, 510u);
  EXPECT_EQ(OverflowShape(16344).levels, 0);
  EXPECT_EQ(OverflowShape(16345).levels, 1);
  EXPECT_EQ(OverflowShape(16344 * 510).levels, 1);
  EXPECT_EQ(OverflowShape(16344 * 510 + 1).levels, 2);
  EXPECT_EQ(OverflowShape(16344 * 510 + 1).pages_at(1), 2u);
  EXPECT_EQ(OverflowShape(UINT32_MAX).levels, 3);
}

TEST(OverflowFormat, DamagedIndexPagesAreRefused) {
  const uint64_t total = 2 * kOverflowDataBytes + 100;
  std::vector<PagePointer> children;
  for (uint64_t i = 0; i < 3; ++i) {
    const auto bytes = static_cast<uint32_t>(OverflowShape(total).data_page_bytes(i));
    children.push_back(PagePointer::on_disk({.sector = 100 + i * 40,
                                             .codec = Codec::kRaw,
                                             .type = PageType::kOverflow,
                                             .stored_bytes = bytes,
                                             .raw_bytes = bytes,
                                             .birth = CheckpointId(1),
                                             .checksum = i}));
  }
  Page page(overflow_index_page_bytes(3));
  write_overflow_index(page, 1, total, children);
  const OverflowExpectation expected{
      .level = 1, .covered_bytes = total, .types = {}, .dirty_pointers_allowed = false};
  ASSERT_TRUE(validate_overflow_page(page, expected).ok());

  // Every byte of the index's header matters, and of the pointers all but sector, birth and checksum
  // (the page behind them is checked against those).
  for (size_t at = kExtentHeaderBytes; at < page.size(); ++at) {
    const size_t in_pointer = (at - kExtentHeaderBytes - kOverflowIndexHeaderBytes) % PagePointer::kBytes;
    if (at >= kExtentHeaderBytes + kOverflowIndexHeaderBytes && (in_pointer < 6 || in_pointer >= 16))
      continue;
    Page damaged = page;
    damaged[at] ^= std::byte{0xff};
    EXPECT_FALSE(validate_overflow_page(damaged, expected).ok()) << "byte " << at;
  }
  EXPECT_FALSE(validate_overflow_page(ByteSpan(page).first(page.size() - 1), expected).ok());
  EXPECT_FALSE(validate_overflow_page(page, {.level = 2, .covered_bytes = total, .types = {}}).ok());
  EXPECT_FALSE(validate_overflow_page(page, {.level = 1, .covered_bytes = total + 1, .types = {}}).ok());
  EXPECT_FALSE(validate_overflow_page(page, {.level = 0, .covered_bytes = total, .types = {}}).ok());
  EXPECT_FALSE(validate_overflow_page(page, {.level = 9, .covered_bytes = total, .types = {}}).ok());
  EXPECT_FALSE(validate_overflow_page({}, {.level = 0, .covered_bytes = 0, .types = {}}).ok());
  const OverflowTypes map_types{.data = PageType::kSpaceMap, .index = PageType::kSpaceMapIndex};
  EXPECT_FALSE(validate_overflow_page(page, {.level = 1, .covered_bytes = total, .types = map_types}).ok());
}

TEST(OverflowFormat, GoldenIndexHeader) {
  Page page(overflow_index_page_bytes(2), std::byte{0xEE});
  const PagePointer child = PagePointer::dirty(PageType::kOverflow, DirtyId(9));
  write_overflow_index(page, 1, 0x5000, std::vector<PagePointer>{child, child});
  const std::string_view expected("\x01\x01\x02\x00\x00\x00\x00\x00\x00\x50\x00\x00\x00\x00\x00\x00", 16);
  EXPECT_EQ(as_view(ByteSpan(page).subspan(kExtentHeaderBytes, 16)), expected);
  EXPECT_EQ(OverflowIndexView(page).child(1), child);
  EXPECT_EQ(page[0], std::byte{0});
}

}  // namespace
}  // namespace revd::btree

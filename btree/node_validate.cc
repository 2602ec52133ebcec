// Validation of nodes that come from a disk. Whatever this accepts, views and editors can work on.
#include <array>

#include "base/strings.h"
#include "btree/node_internal.h"
#include "btree/overflow_format.h"

namespace revd::btree {
namespace {

Error damaged(const char* what) { return {ErrorCode::kDataLoss, str_cat("damaged node: ", what)}; }
Error damaged(const char* what, size_t slot) {
  return {ErrorCode::kDataLoss, str_cat("damaged node: ", what, " in slot ", slot)};
}

// Which bytes of the page belong to a cell already.
class TakenBytes {
 public:
  // False if one of [begin, end) was taken before.
  bool take(size_t begin, size_t end) {
    uint64_t clash = 0;
    while (begin < end) {
      const size_t bit = begin % 64;
      const size_t length = std::min(64 - bit, end - begin);
      const uint64_t mask = (length == 64 ? ~uint64_t{0} : (uint64_t{1} << length) - 1) << bit;
      clash |= words_[begin / 64] & mask;
      words_[begin / 64] |= mask;
      begin += length;
    }
    return clash == 0;
  }

 private:
  std::array<uint64_t, kMaxPageBytes / 64> words_{};
};

class Validator {
 public:
  Validator(ByteSpan page, const ValidateOptions& options)
      : options_(options), page_(page.data()), page_bytes_(page.size()), leaf_(options.level == 0) {}

  Status run() {
    TRY(check_header());
    for (size_t i = 0; i < count_; ++i) {
      TRY(check_cell(i));
      TRY(check_order(i));
    }
    if (heap_start_ + cells_bytes_ + garbage_ != heap_end_) return damaged("wrong sum of cells and garbage");
    return {};
  }

 private:
  uint16_t u16(size_t at) const { return load_le<uint16_t>(page_ + at); }

  Status check_header() {
    if (!is_node_page_size(page_bytes_)) return damaged("page size");
    if (load_le<uint8_t>(page_ + kNodeVersionAt) != kNodeVersion) return damaged("unknown version");
    if (load_le<uint8_t>(page_ + kNodeLevelAt) != options_.level || options_.level > kMaxLevel)
      return damaged("wrong level");
    for (size_t at = kNodeReservedAt; at < kNodeHeadsAt; ++at)
      if (page_[at] != std::byte{0}) return damaged("reserved bytes");
    count_ = u16(kNodeCountAt);
    heap_start_ = u16(kNodeHeapStartAt);
    garbage_ = u16(kNodeGarbageAt);
    prefix_ = u16(kNodePrefixBytesAt);
    if (prefix_ > kMaxInlineKeyBytes) return damaged("prefix too long");
    heap_end_ = page_bytes_ - prefix_;
    if (heap_start_ > heap_end_ || kNodeHeadsAt + count_ * (kHeadBytes + kSlotBytes) > heap_start_)
      return damaged("heap and slots overlap");
    if (!leaf_ && count_ == 0) return damaged("no child");
    if (prefix_ > 0 && count_ <= first_key_slot()) return damaged("prefix without keys");
    return {};
  }

  Status check_cell(size_t i) {
    const size_t at = u16(kNodeHeadsAt + count_ * kHeadBytes + i * kSlotBytes);
    if (at < heap_start_ || at + kCellHeaderBytes > heap_end_) return damaged("offset outside the heap", i);
    const uint16_t key_word = u16(at);
    const uint16_t payload_word = u16(at + 2);
    const size_t suffix = key_word & kLengthMask;
    const size_t payload = payload_word & kLengthMask;
    const bool key_overflows = (key_word & kOverflowFlag) != 0;
    const size_t payload_at = at + kCellHeaderBytes + suffix + (key_overflows ? kOverflowRefBytes : 0);
    if (payload_at + payload > heap_end_) return damaged("cell outside the heap", i);
    if (!taken_.take(at, payload_at + payload)) return damaged("overlapping cell", i);
    cells_bytes_ += payload_at + payload - at;

    previous_ = current_;
    current_ = {.suffix = as_view({page_ + at + kCellHeaderBytes, suffix}), .overflows = key_overflows};
    if (load_le<uint32_t>(page_ + kNodeHeadsAt + i * kHeadBytes) != key_head(current_.suffix))
      return damaged("head isn't the key's", i);
    TRY(check_key(i, payload_at));
    TRY(check_payload(i, payload_at, payload_word));
    const size_t whole_key = i < first_key_slot() ? 0 : prefix_;
    if (payload_at + payload - at + whole_key > max_cell_bytes(page_bytes_))
      return damaged("cell too large", i);
    return {};
  }

  Status check_key(size_t i, size_t payload_at) const {
    if (i < first_key_slot()) {
      if (!current_.suffix.empty() || current_.overflows) return damaged("first child has a key", i);
      return {};
    }
    const size_t inline_bytes = prefix_ + current_.suffix.size();
    if (current_.overflows ? inline_bytes != kMaxInlineKeyBytes : inline_bytes > kMaxInlineKeyBytes)
      return damaged("key length", i);
    if (current_.overflows && !is_reference(payload_at - kOverflowRefBytes, kMaxInlineKeyBytes))
      return damaged("key's overflow reference", i);
    return {};
  }

  Status check_payload(size_t i, size_t at, uint16_t word) const {
    const size_t bytes = word & kLengthMask;
    const bool overflows = (word & kOverflowFlag) != 0;
    if (leaf_) {
      if (overflows && (bytes != kOverflowRefBytes || !is_reference(at, 0)))
        return damaged("value's overflow reference", i);
      return {};
    }
    if (overflows || bytes != PagePointer::kBytes) return damaged("child pointer's length", i);
    const PagePointer child = PagePointer::load(page_ + at);
    const PageType expected = options_.level == 1 ? PageType::kLeaf : PageType::kInner;
    if (!is_pointer(child) || child.type() != expected) return damaged("child pointer", i);
    return {};
  }

  // A reference to an overflow object of more than zero bytes, `inline_bytes` of the total being here.
  bool is_reference(size_t at, size_t inline_bytes) const {
    const OverflowRef ref = OverflowRef::load(page_ + at);
    if (ref.total_bytes <= inline_bytes || !is_pointer(ref.root)) return false;
    const bool one_page = ref.total_bytes - inline_bytes <= kOverflowDataBytes;
    return ref.root.type() == (one_page ? PageType::kOverflow : PageType::kOverflowIndex);
  }
  bool is_pointer(const PagePointer& pointer) const {
    return pointer.is_well_formed() || (options_.dirty_pointers_allowed && pointer.is_dirty());
  }

  // Keys ascend. Two long ones with the same inline part may: their rests aren't here.
  Status check_order(size_t i) const {
    if (i <= first_key_slot()) return {};
    const int order = previous_.suffix.compare(current_.suffix);
    if (order < 0 || (order == 0 && current_.overflows)) return {};
    return damaged("keys out of order", i);
  }

  size_t first_key_slot() const { return leaf_ ? 0 : 1; }

  struct Key {
    std::string_view suffix;
    bool overflows = false;
  };
  ValidateOptions options_;
  const std::byte* page_;
  size_t page_bytes_;
  bool leaf_;
  size_t count_ = 0;
  size_t heap_start_ = 0;
  size_t heap_end_ = 0;
  size_t garbage_ = 0;
  size_t prefix_ = 0;
  size_t cells_bytes_ = 0;
  Key previous_;
  Key current_;
  TakenBytes taken_;
};

}  // namespace

Status validate_node(ByteSpan page, const ValidateOptions& options) { return Validator(page, options).run(); }

}  // namespace revd::btree

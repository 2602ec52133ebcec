// Extents: how a page is stored, and how it is known to be the right one.
//
// A page's frame begins with kExtentHeaderBytes that only this layer writes; an extent is the frame with
// the header filled in (codec raw), or the header and the compressed rest. The parent's PagePointer has
// the checksum of the stored bytes, so that a lost, misdirected or stale write fails verification; the
// header serves salvage and compaction, which start from the extent.
// An ExtentCodec belongs to one thread at a time (it reuses zstd contexts). Format: btree/README.md,
// "Extent". Errors: kDataLoss for bytes that aren't what the pointer promises.
#pragma once

#include <memory>

#include "btree/page_pointer.h"

namespace revd::btree {

inline constexpr uint32_t kExtentMagic = 0x54455652;  // "RVET"
inline constexpr uint8_t kExtentVersion = 1;
inline constexpr int kDefaultZstdLevel = 1;

// Seeds the checksum of every extent of a tree, so that no page of another file or tree fits.
uint64_t extent_checksum_seed(const Uuid& file, TreeId tree);

// Whose page it is. The seed is extent_checksum_seed() of the same file and tree.
struct ExtentOwner {
  uint64_t file_short_form = 0;  // Uuid::short_form
  TreeId tree;
  uint64_t checksum_seed = 0;
};
ExtentOwner extent_owner(const Uuid& file, TreeId tree);

// The header's fields, for those who start from the extent rather than from a pointer.
struct ExtentHeader {
  Codec codec = Codec::kRaw;
  PageType type = PageType::kNone;
  uint64_t file_short_form = 0;
  TreeId tree;
  CheckpointId birth;
  uint32_t stored_bytes = 0;
  uint32_t raw_bytes = 0;
  // kDataLoss if the bytes are no extent header (magic, version, its own check, lengths).
  static Result<ExtentHeader> decode(ByteSpan bytes);
};

class ExtentCodec {
 public:
  explicit ExtentCodec(int zstd_level = kDefaultZstdLevel);
  ~ExtentCodec();
  ExtentCodec(ExtentCodec&&) noexcept;
  ExtentCodec& operator=(ExtentCodec&&) noexcept;

  struct PageToEncode {
    ByteSpan page;  // the whole frame; its extent header's bytes are ignored
    PageType type = PageType::kNone;
    CheckpointId birth;
    bool try_zstd = false;
  };
  // Writes the extent to `out` (at least page.size() bytes; the first stored_bytes are written, the last
  // sector's padding is the caller's) and gives the pointer to it, with sector 0: see
  // PagePointer::moved_to. Stored raw unless zstd saves an eighth of the sectors.
  PagePointer encode(const ExtentOwner& owner, const PageToEncode& what, MutableByteSpan out);

  // Verifies the extent at the beginning of `stored` against the pointer and restores the frame into
  // `page`, which must be pointer.raw_bytes() long. The extent header's bytes in it become zero.
  // The page's contents aren't validated here (validate_node, validate_overflow_page).
  Status decode(const ExtentOwner& owner, const PagePointer& pointer, ByteSpan stored, MutableByteSpan page);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

// Checksum of an extent's stored bytes (exactly pointer.stored_bytes() of them).
uint64_t extent_checksum(const ExtentOwner& owner, ByteSpan stored);

// Whether a tree's pages are worth compressing: after failures in a row, ever fewer are tried (down to 1
// of 64), and one success resets that. One per tree; one thread. Deterministic.
class CompressionHistory {
 public:
  bool should_try();
  void record(bool saved);  // the outcome of a page that was tried

 private:
  uint32_t failures_in_row_ = 0;
  uint32_t skip_ = 0;
};

}  // namespace revd::btree

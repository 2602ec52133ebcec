// PagePointer: 32 bytes that say where a page is, how it is stored, and what its bytes must hash to.
//
// The same 32 bytes hold, in memory only, a reference to a page that hasn't been written yet (its
// dirty id). A plain value; threads may copy it freely. Format: btree/README.md, "Page pointer".
// Units: sectors are 512 bytes, lengths are bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace revd::btree {

using TreeId = StrongId<struct TreeIdTag, uint32_t>;
using CheckpointId =
    StrongId<struct CheckpointIdTag>;         // the sequence of the superblock that a checkpoint writes
using DirtyId = StrongId<struct DirtyIdTag>;  // names a page that was never written; below 2^56

inline constexpr size_t kSectorBytes = 512;
inline constexpr size_t kBlockBytes = 4096;       // unit of allocation and reuse
inline constexpr size_t kMaxPageBytes = 16384;    // no object in memory or on disk is larger
inline constexpr size_t kExtentHeaderBytes = 40;  // every page keeps its first bytes free for it (extent.h)

enum class Codec : uint8_t { kRaw = 0, kZstd = 1 };

enum class PageType : uint8_t {
  kNone = 0,
  kLeaf = 1,
  kInner = 2,
  kOverflow = 3,       // bytes of a long value or key
  kOverflowIndex = 4,  // pointers to kOverflow or kOverflowIndex pages
  kSpaceMap = 5,       // the same two for the free-space map
  kSpaceMapIndex = 6,
};

// "leaf", "inner", ...; "type 9" for an unknown one.
std::string page_type_name(PageType type);

class PagePointer {
 public:
  static constexpr size_t kBytes = 32;

  struct DiskFields {
    uint64_t sector = 0;  // where the extent begins, below 2^48
    Codec codec = Codec::kRaw;
    PageType type = PageType::kNone;
    uint32_t stored_bytes = 0;  // extent header included; the space taken is that, rounded up to sectors
    uint32_t raw_bytes = 0;     // length of the page in memory
    CheckpointId birth;         // the checkpoint that wrote it
    uint64_t checksum = 0;      // xxh3-64 of the stored bytes, seeded (extent.h)
  };

  constexpr PagePointer() = default;  // null: refers to nothing
  static PagePointer on_disk(const DiskFields& fields);
  static PagePointer dirty(PageType type, DirtyId id);

  bool is_null() const { return location_ == 0; }
  bool is_dirty() const { return (location_ & kDirtyBit) != 0; }
  bool is_on_disk() const { return !is_null() && !is_dirty(); }

  // Codec and type may be unknown ones: is_well_formed() says so.
  // NOLINTBEGIN(clang-analyzer-optin.core.EnumCastOutOfRange)
  PageType type() const { return static_cast<PageType>((location_ >> 56) & 0x7f); }
  // Require is_dirty().
  DirtyId dirty_id() const { return DirtyId(location_ & kDirtyIdMask); }
  // The rest require is_on_disk().
  uint64_t sector() const { return location_ & kSectorMask; }
  Codec codec() const { return static_cast<Codec>((location_ >> 48) & 0xff); }
  // NOLINTEND(clang-analyzer-optin.core.EnumCastOutOfRange)
  uint32_t stored_bytes() const { return stored_bytes_; }
  uint32_t sector_count() const {
    return static_cast<uint32_t>((stored_bytes_ + kSectorBytes - 1) / kSectorBytes);
  }
  uint32_t raw_bytes() const { return raw_bytes_; }
  CheckpointId birth() const { return CheckpointId(birth_); }
  uint64_t checksum() const { return checksum_; }
  // The same pointer to the same bytes at another place.
  PagePointer moved_to(uint64_t sector) const;

  // True for a pointer that can be followed on disk: known codec and type, lengths within limits that
  // agree with the codec, not inside block 0. False for null and dirty ones.
  bool is_well_formed() const;

  // Unchecked; for pages that passed validate_node().
  static PagePointer load(const std::byte* from);
  void store(std::byte* to) const;
  // For bytes from disk: at least kBytes, and is_well_formed(); else kDataLoss.
  static Result<PagePointer> decode(ByteSpan bytes);

  // "leaf at sector 1234, 512 bytes zstd of 8192, checkpoint 7" or "dirty leaf 5", for error texts.
  std::string describe() const;

  friend constexpr bool operator==(const PagePointer&, const PagePointer&) = default;

 private:
  static constexpr uint64_t kDirtyBit = 1ull << 63;
  static constexpr uint64_t kDirtyIdMask = (1ull << 56) - 1;
  static constexpr uint64_t kSectorMask = (1ull << 48) - 1;

  uint64_t location_ = 0;  // on disk: sector 48, codec 8, type 7, 0; dirty: id 56, type 7, 1 (low bits first)
  uint32_t stored_bytes_ = 0;
  uint32_t raw_bytes_ = 0;
  uint64_t birth_ = 0;
  uint64_t checksum_ = 0;
};
static_assert(sizeof(PagePointer) == PagePointer::kBytes);

}  // namespace revd::btree

#include "btree/page_pointer.h"

#include "base/check.h"
#include "base/strings.h"

namespace revd::btree {

std::string page_type_name(PageType type) {
  switch (type) {
    case PageType::kNone: return "none";
    case PageType::kLeaf: return "leaf";
    case PageType::kInner: return "inner";
    case PageType::kOverflow: return "overflow";
    case PageType::kOverflowIndex: return "overflow index";
    case PageType::kSpaceMap: return "space map";
    case PageType::kSpaceMapIndex: return "space map index";
  }
  return str_cat("type ", static_cast<unsigned>(type));
}

PagePointer PagePointer::on_disk(const DiskFields& fields) {
  CHECK(fields.sector <= kSectorMask && fields.type != PageType::kNone);
  PagePointer pointer;
  pointer.location_ = fields.sector | uint64_t{static_cast<uint8_t>(fields.codec)} << 48 |
                      uint64_t{static_cast<uint8_t>(fields.type)} << 56;
  pointer.stored_bytes_ = fields.stored_bytes;
  pointer.raw_bytes_ = fields.raw_bytes;
  pointer.birth_ = fields.birth.value();
  pointer.checksum_ = fields.checksum;
  return pointer;
}

PagePointer PagePointer::dirty(PageType type, DirtyId id) {
  CHECK(id.value() <= kDirtyIdMask && type != PageType::kNone);
  PagePointer pointer;
  pointer.location_ = kDirtyBit | id.value() | uint64_t{static_cast<uint8_t>(type)} << 56;
  return pointer;
}

PagePointer PagePointer::moved_to(uint64_t sector) const {
  CHECK(is_on_disk() && sector <= kSectorMask);
  PagePointer pointer = *this;
  pointer.location_ = (location_ & ~kSectorMask) | sector;
  return pointer;
}

bool PagePointer::is_well_formed() const {
  if (!is_on_disk() || sector() < kBlockBytes / kSectorBytes) return false;
  if (type() < PageType::kLeaf || type() > PageType::kSpaceMapIndex) return false;
  if (raw_bytes_ <= kExtentHeaderBytes || raw_bytes_ > kMaxPageBytes) return false;
  switch (codec()) {
    case Codec::kRaw: return stored_bytes_ == raw_bytes_;
    case Codec::kZstd: return stored_bytes_ > kExtentHeaderBytes && stored_bytes_ < raw_bytes_;
  }
  return false;
}

PagePointer PagePointer::load(const std::byte* from) {
  PagePointer pointer;
  pointer.location_ = load_le<uint64_t>(from);
  pointer.stored_bytes_ = load_le<uint32_t>(from + 8);
  pointer.raw_bytes_ = load_le<uint32_t>(from + 12);
  pointer.birth_ = load_le<uint64_t>(from + 16);
  pointer.checksum_ = load_le<uint64_t>(from + 24);
  return pointer;
}

void PagePointer::store(std::byte* to) const {
  store_le(to, location_);
  store_le(to + 8, stored_bytes_);
  store_le(to + 12, raw_bytes_);
  store_le(to + 16, birth_);
  store_le(to + 24, checksum_);
}

Result<PagePointer> PagePointer::decode(ByteSpan bytes) {
  if (bytes.size() < kBytes) return Error(ErrorCode::kDataLoss, "page pointer is cut off");
  const PagePointer pointer = load(bytes.data());
  if (!pointer.is_well_formed())
    return Error(ErrorCode::kDataLoss, str_cat("malformed page pointer: ", pointer.describe()));
  return pointer;
}

std::string PagePointer::describe() const {
  if (is_null()) return "null";
  if (is_dirty()) return str_cat("dirty ", page_type_name(type()), " ", dirty_id().value());
  const std::string codec_name = codec() == Codec::kRaw ? "raw"
                                 : codec() == Codec::kZstd
                                     ? "zstd"
                                     : str_cat("codec ", static_cast<unsigned>(codec()));
  return str_cat(page_type_name(type()), " at sector ", sector(), ", ", stored_bytes_, " bytes ", codec_name,
                 " of ", raw_bytes_, ", checkpoint ", birth_);
}

}  // namespace revd::btree

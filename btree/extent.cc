#include "btree/extent.h"

// Magicless frames are one of zstd's parameters that its header calls static-only; the shared library of
// every release since 1.4 honours them.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/hash.h"
#include "base/strings.h"

namespace revd::btree {
namespace {

constexpr size_t kVersionAt = 4;    // u8
constexpr size_t kCodecAt = 5;      // u8
constexpr size_t kTypeAt = 6;       // u8; one zero byte follows
constexpr size_t kFileAt = 8;       // u64
constexpr size_t kBirthAt = 16;     // u64
constexpr size_t kTreeAt = 24;      // u32
constexpr size_t kStoredAt = 28;    // u32
constexpr size_t kRawAt = 32;       // u32
constexpr size_t kOwnCheckAt = 36;  // u32, low half of xxh3-64 of what stands before

Error damaged(std::string what) { return {ErrorCode::kDataLoss, "damaged extent: " + std::move(what)}; }

uint32_t own_check(const std::byte* header) {
  return static_cast<uint32_t>(xxh3_64(ByteSpan(header, kOwnCheckAt)));
}

void write_header(const ExtentOwner& owner, const PagePointer& pointer, std::byte* to) {
  std::memset(to, 0, kExtentHeaderBytes);
  store_le(to, kExtentMagic);
  store_le(to + kVersionAt, kExtentVersion);
  store_le(to + kCodecAt, static_cast<uint8_t>(pointer.codec()));
  store_le(to + kTypeAt, static_cast<uint8_t>(pointer.type()));
  store_le(to + kFileAt, owner.file_short_form);
  store_le(to + kBirthAt, pointer.birth().value());
  store_le(to + kTreeAt, owner.tree.value());
  store_le(to + kStoredAt, pointer.stored_bytes());
  store_le(to + kRawAt, pointer.raw_bytes());
  store_le(to + kOwnCheckAt, own_check(to));
}

constexpr size_t sectors(size_t bytes) { return (bytes + kSectorBytes - 1) / kSectorBytes; }

// The most bytes that a compressed extent may have: an eighth of the sectors is saved. 0: can't be.
size_t compressed_limit(size_t raw_bytes) {
  const size_t saved = (sectors(raw_bytes) + 7) / 8;
  return (sectors(raw_bytes) - saved) * kSectorBytes;
}

}  // namespace

uint64_t extent_checksum_seed(const Uuid& file, TreeId tree) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.uuid(file);
  writer.u32(tree.value());
  return xxh3_64(as_bytes(bytes));
}

ExtentOwner extent_owner(const Uuid& file, TreeId tree) {
  return {
      .file_short_form = file.short_form(), .tree = tree, .checksum_seed = extent_checksum_seed(file, tree)};
}

uint64_t extent_checksum(const ExtentOwner& owner, ByteSpan stored) {
  return xxh3_64(stored, owner.checksum_seed);
}

Result<ExtentHeader> ExtentHeader::decode(ByteSpan bytes) {
  if (bytes.size() < kExtentHeaderBytes) return damaged("cut off");
  const std::byte* from = bytes.data();
  if (load_le<uint32_t>(from) != kExtentMagic) return damaged("no extent begins here");
  if (load_le<uint8_t>(from + kVersionAt) != kExtentVersion) return damaged("unknown version");
  if (load_le<uint32_t>(from + kOwnCheckAt) != own_check(from)) return damaged("header's own check");
  const ExtentHeader header{.codec = static_cast<Codec>(load_le<uint8_t>(from + kCodecAt)),
                            .type = static_cast<PageType>(load_le<uint8_t>(from + kTypeAt)),
                            .file_short_form = load_le<uint64_t>(from + kFileAt),
                            .tree = TreeId(load_le<uint32_t>(from + kTreeAt)),
                            .birth = CheckpointId(load_le<uint64_t>(from + kBirthAt)),
                            .stored_bytes = load_le<uint32_t>(from + kStoredAt),
                            .raw_bytes = load_le<uint32_t>(from + kRawAt)};
  const bool known = header.codec <= Codec::kZstd && header.type >= PageType::kLeaf &&
                     header.type <= PageType::kSpaceMapIndex;
  if (!known || header.raw_bytes <= kExtentHeaderBytes || header.raw_bytes > kMaxPageBytes ||
      header.stored_bytes <= kExtentHeaderBytes || header.stored_bytes > header.raw_bytes)
    return damaged("header's fields");
  return header;
}

struct ExtentCodec::Contexts {
  explicit Contexts(int level) : compress(ZSTD_createCCtx()), decompress(ZSTD_createDCtx()) {
    CHECK(compress != nullptr && decompress != nullptr);
    set(ZSTD_c_compressionLevel, level);
    set(ZSTD_c_contentSizeFlag, 0);
    set(ZSTD_c_checksumFlag, 0);
    set(ZSTD_c_dictIDFlag, 0);
    set(ZSTD_c_format, ZSTD_f_zstd1_magicless);
    CHECK(!ZSTD_isError(ZSTD_DCtx_setParameter(decompress, ZSTD_d_format, ZSTD_f_zstd1_magicless)));
  }
  ~Contexts() {
    ZSTD_freeCCtx(compress);
    ZSTD_freeDCtx(decompress);
  }
  Contexts(const Contexts&) = delete;
  Contexts& operator=(const Contexts&) = delete;

  void set(ZSTD_cParameter parameter, int value) {
    CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(compress, parameter, value)));
  }

  ZSTD_CCtx* compress;
  ZSTD_DCtx* decompress;
};

ExtentCodec::ExtentCodec(int zstd_level) : contexts_(std::make_unique<Contexts>(zstd_level)) {}
ExtentCodec::~ExtentCodec() = default;
ExtentCodec::ExtentCodec(ExtentCodec&&) noexcept = default;
ExtentCodec& ExtentCodec::operator=(ExtentCodec&&) noexcept = default;

PagePointer ExtentCodec::encode(const ExtentOwner& owner, const PageToEncode& what, MutableByteSpan out) {
  const size_t raw_bytes = what.page.size();
  CHECK(raw_bytes > kExtentHeaderBytes && raw_bytes <= kMaxPageBytes && out.size() >= raw_bytes);
  const ByteSpan payload = what.page.subspan(kExtentHeaderBytes);
  PagePointer::DiskFields fields{.sector = 0,
                                 .codec = Codec::kRaw,
                                 .type = what.type,
                                 .stored_bytes = static_cast<uint32_t>(raw_bytes),
                                 .raw_bytes = static_cast<uint32_t>(raw_bytes),
                                 .birth = what.birth,
                                 .checksum = 0};
  const size_t limit = compressed_limit(raw_bytes);
  if (what.try_zstd && limit > kExtentHeaderBytes) {
    // Fails, early, if the result would be longer than the limit.
    const size_t bytes = ZSTD_compress2(contexts_->compress, out.data() + kExtentHeaderBytes,
                                        limit - kExtentHeaderBytes, payload.data(), payload.size());
    if (!ZSTD_isError(bytes)) {
      fields.codec = Codec::kZstd;
      fields.stored_bytes = static_cast<uint32_t>(kExtentHeaderBytes + bytes);
    }
  }
  if (fields.codec == Codec::kRaw)
    std::memcpy(out.data() + kExtentHeaderBytes, payload.data(), payload.size());
  write_header(owner, PagePointer::on_disk(fields), out.data());
  fields.checksum = extent_checksum(owner, out.first(fields.stored_bytes));
  return PagePointer::on_disk(fields);
}

Status ExtentCodec::decode(const ExtentOwner& owner, const PagePointer& pointer, ByteSpan stored,
                           MutableByteSpan page) {
  CHECK(pointer.is_on_disk() && page.size() == pointer.raw_bytes());
  if (stored.size() < pointer.stored_bytes()) return damaged("cut off");
  stored = stored.first(pointer.stored_bytes());
  const uint64_t checksum = extent_checksum(owner, stored);
  if (checksum != pointer.checksum())
    return damaged(str_cat("checksum ", to_hex(checksum), ", expected ", to_hex(pointer.checksum())));
  // From here on only a forged page or a program error can fail.
  TRY_ASSIGN(const ExtentHeader header, ExtentHeader::decode(stored));
  if (header.file_short_form != owner.file_short_form || header.tree != owner.tree ||
      header.codec != pointer.codec() || header.type != pointer.type() || header.birth != pointer.birth() ||
      header.stored_bytes != pointer.stored_bytes() || header.raw_bytes != pointer.raw_bytes())
    return damaged("header disagrees with the pointer");

  const ByteSpan from = stored.subspan(kExtentHeaderBytes);
  const MutableByteSpan to = page.subspan(kExtentHeaderBytes);
  std::memset(page.data(), 0, kExtentHeaderBytes);
  if (pointer.codec() == Codec::kRaw) {
    if (from.size() != to.size()) return damaged("raw length");
    std::memcpy(to.data(), from.data(), from.size());
    return {};
  }
  const size_t bytes =
      ZSTD_decompressDCtx(contexts_->decompress, to.data(), to.size(), from.data(), from.size());
  if (ZSTD_isError(bytes)) return damaged(str_cat("zstd: ", ZSTD_getErrorName(bytes)));
  if (bytes != to.size()) return damaged("decompressed length");
  return {};
}

bool CompressionHistory::should_try() {
  if (skip_ == 0) return true;
  --skip_;
  return false;
}

void CompressionHistory::record(bool saved) {
  constexpr uint32_t kPatience = 8;    // failures in a row before any page is skipped
  constexpr uint32_t kMostSkips = 63;  // between two attempts
  failures_in_row_ = saved ? 0 : failures_in_row_ + 1;
  const uint32_t doublings =
      std::min(failures_in_row_ < kPatience ? 0 : failures_in_row_ - kPatience + 1, 6u);
  skip_ = std::min((1u << doublings) - 1, kMostSkips);
}

}  // namespace revd::btree

#include "btree/superblock.h"

#include <algorithm>
#include <cstring>

#include "base/strings.h"

namespace revd::btree {

namespace {

constexpr std::string_view kMagic = "REVDPAGE";
constexpr size_t kTreeEntryBytes = 96;
constexpr size_t kTreesAt = 328;
constexpr size_t kHashAt = kSuperblockBytes - 16;
static_assert(kTreesAt + kMaxTrees * kTreeEntryBytes <= kHashAt);

void write_pointer(ByteWriter& out, const PagePointer& pointer) {
  std::array<std::byte, PagePointer::kBytes> raw;
  pointer.store(raw.data());
  out.raw(ByteSpan(raw));
}

// A pointer of the type wanted, or null.
Result<PagePointer> read_pointer(ByteReader& in, std::string_view what) {
  const ByteSpan raw = in.take(PagePointer::kBytes);
  if (!in.ok()) return PagePointer();
  if (std::ranges::all_of(raw, [](std::byte b) { return b == std::byte{0}; })) return PagePointer();
  auto pointer = PagePointer::decode(raw);
  if (!pointer.ok())
    return Error(ErrorCode::kDataLoss, str_cat("superblock: ", what, ": ", pointer.error().text()));
  return pointer;
}

void write_tree(ByteWriter& out, const TreeEntry& tree) {
  const size_t begin = out.size();
  out.u8(static_cast<uint8_t>(tree.name.size()));
  out.raw(std::string_view(tree.name));
  for (size_t i = tree.name.size(); i < kMaxTreeNameBytes; ++i) out.u8(0);
  out.u32(tree.id.value());
  out.u32(tree.leaf_page_bytes);
  out.u64(tree.key_count);
  out.u8(tree.height);
  for (int i = 0; i < 7; ++i) out.u8(0);
  write_pointer(out, tree.root);
  while (out.size() < begin + kTreeEntryBytes) out.u8(0);
}

Status check_tree(const TreeEntry& tree, size_t position) {
  const bool page_bytes_ok = tree.leaf_page_bytes == 8192 || tree.leaf_page_bytes == 16384;
  const bool empty_ok =
      tree.root.is_null() == (tree.height == 0) && (tree.height != 0 || tree.key_count == 0);
  const bool type_ok =
      tree.height == 0 || tree.root.type() == (tree.height == 1 ? PageType::kLeaf : PageType::kInner);
  if (tree.id.value() != position + 1 || tree.name.empty() || !page_bytes_ok || !empty_ok || !type_ok ||
      tree.height > kMaxTreeHeight)
    return Error(ErrorCode::kDataLoss,
                 str_cat("superblock: the entry of tree ", position + 1, " makes no sense"));
  return {};
}

Result<TreeEntry> read_tree(ByteReader& in, size_t position) {
  TreeEntry tree;
  const uint8_t name_bytes = in.u8();
  const std::string_view name = as_view(in.take(kMaxTreeNameBytes));
  if (name_bytes > kMaxTreeNameBytes) in.fail();
  if (in.ok()) tree.name = name.substr(0, name_bytes);
  tree.id = TreeId(in.u32());
  tree.leaf_page_bytes = in.u32();
  tree.key_count = in.u64();
  tree.height = in.u8();
  in.take(7);
  TRY_ASSIGN(tree.root, read_pointer(in, "a tree's root"));
  in.take(kTreeEntryBytes - 1 - kMaxTreeNameBytes - 24 - PagePointer::kBytes);
  if (!in.ok()) return Error(ErrorCode::kDataLoss, "superblock: a tree's entry is malformed");
  TRY(check_tree(tree, position));
  return tree;
}

void write_info(ByteWriter& out, const CheckpointInfo& info) {
  out.u64(info.commit.value());
  out.u64(info.acknowledged_sequence);
  out.u64(info.wal_start_segment);
  out.uuid(info.log_base.log);
  out.u64(info.log_base.index.value());
  out.u64(info.log_base.term.value());
}

CheckpointInfo read_info(ByteReader& in) {
  CheckpointInfo info;
  info.commit = LogIndex(in.u64());
  info.acknowledged_sequence = in.u64();
  info.wal_start_segment = in.u64();
  info.log_base.log = in.uuid();
  info.log_base.index = LogIndex(in.u64());
  info.log_base.term = Term(in.u64());
  return info;
}

Status check_frame(ByteSpan bytes) {
  if (bytes.size() != kSuperblockBytes) return Error(ErrorCode::kDataLoss, "superblock: wrong length");
  if (as_view(bytes.first(kMagic.size())) != kMagic)
    return Error(ErrorCode::kDataLoss, "superblock: no magic");
  const uint32_t version = load_le<uint32_t>(bytes.data() + kMagic.size());
  if (Superblock::stored_hash(bytes) != xxh3_128(bytes.first(kHashAt)))
    return Error(ErrorCode::kDataLoss, "superblock: the hash doesn't match");
  if (version != kSuperblockVersion)
    return Error(ErrorCode::kDataLoss,
                 str_cat("superblock: version ", version, " is unknown to this program"));
  return {};
}

}  // namespace

Hash128 Superblock::encode(MutableByteSpan bytes) const {
  CHECK(bytes.size() == kSuperblockBytes && trees.size() <= kMaxTrees);
  std::string text;
  ByteWriter out(text);
  out.raw(kMagic);
  out.u32(kSuperblockVersion);
  out.u32(static_cast<uint32_t>(trees.size()));
  out.uuid(file);
  out.u64(sequence.value());
  out.u64(predecessor.value());
  out.u64(predecessor_hash.low);
  out.u64(predecessor_hash.high);
  out.u64(applied.index.value());
  out.u64(applied.term.value());
  out.i64(applied.log_time.value());
  write_info(out, info);
  out.u64(file_blocks);
  out.u64(live_bytes);
  out.u64(space_map_bytes);
  write_pointer(out, space_map);
  out.raw(ByteSpan(info.opaque));
  CHECK(out.size() == kTreesAt);
  for (const TreeEntry& tree : trees) write_tree(out, tree);
  std::memset(bytes.data(), 0, bytes.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  const Hash128 hash = xxh3_128(bytes.first(kHashAt));
  store_le(bytes.data() + kHashAt, hash.low);
  store_le(bytes.data() + kHashAt + 8, hash.high);
  return hash;
}

Hash128 Superblock::stored_hash(ByteSpan bytes) {
  CHECK(bytes.size() == kSuperblockBytes);
  return {.low = load_le<uint64_t>(bytes.data() + kHashAt),
          .high = load_le<uint64_t>(bytes.data() + kHashAt + 8)};
}

Result<Superblock> Superblock::decode(ByteSpan bytes) {
  TRY(check_frame(bytes));
  ByteReader in(bytes.first(kHashAt).subspan(kMagic.size() + 4));
  Superblock out;
  const uint32_t tree_count = in.u32();
  if (tree_count > kMaxTrees) return Error(ErrorCode::kDataLoss, "superblock: too many trees");
  out.file = in.uuid();
  out.sequence = CheckpointId(in.u64());
  out.predecessor = CheckpointId(in.u64());
  out.predecessor_hash.low = in.u64();
  out.predecessor_hash.high = in.u64();
  out.applied.index = LogIndex(in.u64());
  out.applied.term = Term(in.u64());
  out.applied.log_time = LogTime(in.i64());
  out.info = read_info(in);
  out.file_blocks = in.u64();
  out.live_bytes = in.u64();
  out.space_map_bytes = in.u64();
  TRY_ASSIGN(out.space_map, read_pointer(in, "the space map"));
  const ByteSpan opaque = in.take(kOpaqueBytes);
  if (in.ok()) std::ranges::copy(opaque, out.info.opaque.begin());
  for (size_t i = 0; i < tree_count; ++i) {
    TRY_ASSIGN(TreeEntry tree, read_tree(in, i));
    out.trees.push_back(std::move(tree));
  }
  if (!in.ok() || out.sequence.value() == 0 || out.predecessor >= out.sequence ||
      out.space_map.is_null() != (out.space_map_bytes == 0))
    return Error(ErrorCode::kDataLoss, "superblock: its fields make no sense");
  return out;
}

}  // namespace revd::btree

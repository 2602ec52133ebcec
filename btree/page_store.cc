#include "btree/page_store.h"

#include <algorithm>

#include "base/check.h"
#include "base/strings.h"
#include "btree/node.h"
#include "btree/overflow_format.h"

namespace revd::btree {

namespace {

// The sectors of an extent of 16 KiB can touch five blocks.
constexpr size_t kReadBufferBytes = kMaxPageBytes + kBlockBytes;
constexpr uint64_t kFixedBytes = uint64_t{1} << 20;  // buffers of the store and of a checkpoint

OverflowTypes types_of(TreeId tree) {
  if (tree == TreeId()) return {.data = PageType::kSpaceMap, .index = PageType::kSpaceMapIndex};
  return {};
}

}  // namespace

PageStore::PageStore(Env& env, std::string path, FileHandle file, const PageFileOptions& options,
                     StoreState state)
    : env_(env),
      path_(std::move(path)),
      file_(file),
      options_(options),
      newest_(std::move(state.superblock)),
      newest_hash_(state.hash),
      predecessor_intact_(state.predecessor_intact),
      wrong_copies_(std::move(state.wrong_copies)),
      histories_(kMaxTrees + 1),
      read_buffer_(kReadBufferBytes),
      cache_(std::max(options.cache_bytes, kMinCacheBytes) - kFixedBytes),
      space_(newest_.file_blocks),
      next_checkpoint_(state.next_checkpoint) {
  for (uint32_t tree = 0; tree <= kMaxTrees; ++tree)
    owners_.push_back(extent_owner(newest_.file, TreeId(tree)));
  if (options_.snapshot_pinned_bytes_max == 0) options_.snapshot_pinned_bytes_max = cache_.arena_bytes() / 4;
  for (const TreeEntry& tree : newest_.trees) {
    names_.push_back(tree.name);
    live_.push_back({.id = tree.id,
                     .leaf_page_bytes = tree.leaf_page_bytes,
                     .height = tree.height,
                     .key_count = tree.key_count,
                     .root = tree.root});
  }
  versions_.publish(live_, newest_.applied);
}

PageStore::~PageStore() {
  const Status closed = close_file(env_.disk, file_);
  if (!closed.ok())
    env_.logger.warning("btree", "closing failed", {{"path", path_}, {"error", closed.error().text()}});
}

PagePointer PageStore::resolve(const PagePointer& reference) {
  if (!reference.is_dirty()) return reference;
  const PageTable::Entry& entry = table_.at(reference.dirty_id());
  return entry.written.is_null() ? reference : entry.written;
}

FrameId PageStore::lookup_dirty(const PagePointer& reference) {
  const PageTable::Entry& entry = table_.at(reference.dirty_id());
  if (!entry.written.is_null()) return cache_.find(entry.written.sector(), entry.written.checksum());
  cache_.touch(entry.frame);
  return entry.frame;
}

Result<FrameId> PageStore::take_frame(ReadContext& context, size_t bytes) {
  if (context.for_writing) TRY(reserve(1));
  const FrameId frame = cache_.allocate(bytes);
  if (frame == kNoFrame)
    return Error(ErrorCode::kResourceExhausted,
                 "too many requests: no page of the cache is free for a reader");
  return frame;
}

Result<FrameId> PageStore::fetch(ReadContext& context, const PageRequest& request) {
  const FrameId known = lookup(request.pointer);
  if (known != kNoFrame) return known;
  ++stats_.cache_misses;
  PageRequest on_disk = request;
  on_disk.pointer = resolve(request.pointer);
  if (context.mode == ReadMode::kNonBlocking) {
    context.missing = on_disk;
    return Error(ErrorCode::kWouldBlock, "page not cached");
  }
  TRY(check_request(on_disk));
  TRY_ASSIGN(const FrameId frame, take_frame(context, on_disk.pointer.raw_bytes()));
  if (Status status = read_page(on_disk, cache_.page(frame)); !status.ok()) {
    cache_.drop(frame);
    return status.error();
  }
  cache_.insert_clean(frame, request.tree, on_disk.pointer);
  return frame;
}

Result<PageRef> PageStore::fetch_pinned(ReadContext& context, const PageRequest& request) {
  TRY_ASSIGN(const FrameId frame, fetch(context, request));
  if (context.for_writing)
    cache_.pin(frame);
  else if (!cache_.pin_for_reader(frame))
    return Error(ErrorCode::kResourceExhausted, "too many requests: too many pages are held by readers");
  return PageRef(cache_, frame);
}

Error PageStore::describe(const PageRequest& request, const Error& error) const {
  return Error(error.code(), str_cat(path_, ": offset ", request.pointer.sector() * kSectorBytes, ", tree ",
                                     request.tree.value(), ": ", error.text()));
}

// What the pointer's own fields can't tell: that this kind of page belongs here.
Status PageStore::check_request(const PageRequest& request) const {
  const PagePointer& pointer = request.pointer;
  bool fits = pointer.is_well_formed() && request.tree.value() <= kMaxTrees;
  if (fits && request.covered_bytes == 0) {
    const bool known = request.tree.value() >= 1 && request.tree.value() <= live_.size();
    const size_t bytes = !known              ? 0
                         : request.level > 0 ? kInnerPageBytes
                                             : live_[request.tree.value() - 1].leaf_page_bytes;
    fits = pointer.type() == (request.level > 0 ? PageType::kInner : PageType::kLeaf) &&
           pointer.raw_bytes() == bytes;
  }
  if (fits) return {};
  return Error(ErrorCode::kDataLoss, str_cat(path_, ": tree ", request.tree.value(), " refers to a ",
                                             pointer.describe(), " where that can't be"));
}

Status PageStore::check_page(const PageRequest& request, ByteSpan stored, MutableByteSpan page) {
  Status status = codec_.decode(owner(request.tree), request.pointer, stored, page);
  if (status.ok()) {
    if (request.covered_bytes == 0)
      status = validate_node(page, {.level = request.level, .dirty_pointers_allowed = false});
    else
      status = validate_overflow_page(page, {.level = request.level,
                                             .covered_bytes = request.covered_bytes,
                                             .types = types_of(request.tree),
                                             .dirty_pointers_allowed = false});
  }
  if (!status.ok()) return describe(request, status.error());
  return {};
}

Status PageStore::read_once(const PageRequest& request, MutableByteSpan page) {
  const uint64_t begin = request.pointer.sector() * kSectorBytes;
  const uint64_t from = round_down(begin, kBlockBytes);
  const uint64_t length = round_up(begin + request.pointer.stored_bytes(), kBlockBytes) - from;
  const MutableByteSpan buffer = read_buffer_.span().first(length);
  if (Status status = read_exactly(env_.disk, file_, from, buffer); !status.ok())
    return Error(ErrorCode::kDataLoss, describe(request, status.error()).text());
  return check_page(request, buffer.subspan(begin - from, request.pointer.stored_bytes()), page);
}

Status PageStore::read_page(const PageRequest& request, MutableByteSpan page) {
  TRY(check_request(request));
  Status status = read_once(request, page);
  if (status.ok()) return status;
  ++stats_.page_reads_repeated;
  status = read_once(request, page);
  if (!status.ok()) env_.logger.error("btree", "page unreadable", {{"error", status.error().text()}});
  return status;
}

Status PageStore::insert_loaded(const PageRequest& request, ByteSpan stored) {
  if (lookup(request.pointer) != kNoFrame) return {};
  TRY(check_request(request));
  ReadContext reader;
  TRY_ASSIGN(const FrameId frame, take_frame(reader, request.pointer.raw_bytes()));
  if (Status status = check_page(request, stored, cache_.page(frame)); !status.ok()) {
    cache_.drop(frame);
    return status;
  }
  cache_.insert_clean(frame, request.tree, request.pointer);
  return {};
}

bool PageStore::should_compress(TreeId tree, PageType type) {
  return options_.compression && type != PageType::kInner && histories_[tree.value()].should_try();
}

void PageStore::record_compression(TreeId tree, const PagePointer& written) {
  histories_[tree.value()].record(written.codec() != Codec::kRaw);
}

std::vector<TreeEntry> PageStore::entries(const Version& version) const {
  std::vector<TreeEntry> out;
  for (const TreeRoot& tree : version.trees)
    out.push_back({.name = names_[tree.id.value() - 1],
                   .id = tree.id,
                   .leaf_page_bytes = tree.leaf_page_bytes,
                   .height = tree.height,
                   .key_count = tree.key_count,
                   .root = tree.root});
  return out;
}

void PageStore::fail(const Error& error) {
  if (failure_) return;
  failure_ = error;
  env_.logger.error("btree", "page file stopped", {{"path", path_}, {"error", error.describe()}});
}

PageFileStats PageStore::current_stats() {
  PageFileStats out = stats_;
  out.file_bytes = space_.file_blocks() * kBlockBytes;
  out.live_bytes = newest_.live_bytes;
  out.free_bytes = space_.free_blocks() * kBlockBytes;
  out.retired_bytes = space_.retired_sectors() * kSectorBytes;
  out.cache_bytes = cache_.arena_bytes();
  out.dirty_bytes = cache_.list_bytes(FrameList::kDirtyLow) + cache_.list_bytes(FrameList::kDirtyInner);
  out.superseded_bytes = cache_.list_bytes(FrameList::kSuperseded);
  out.free_frame_bytes = cache_.list_bytes(FrameList::kFreeFull) + cache_.list_bytes(FrameList::kFreeHalf);
  out.evictions = cache_.evictions();
  out.snapshots_open = versions_.snapshots_open();
  return out;
}

}  // namespace revd::btree

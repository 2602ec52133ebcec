// PageStore: the pages of one page file, wherever they are: what all tree code works on.
//
// It brings together the cache, the page table (dirty ids), versions and their pins, the space map and the
// file. Trees, cursors, snapshots, transactions, the checkpointer and the verifier are written on
// top of it; PageFile is the face that users see.
//
// References. A PagePointer in memory is a place on disk or a dirty id; resolve() makes the first out of the
// second once the page has been written. Dirty pages are reachable only from dirty pages and roots, so a page
// becomes clean when all it refers to is on disk.
// Thread rule: the reactor thread. Errors: read_mode.h; kDataLoss and kIo from reading; a failed write or
// sync makes failed() an error for good.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/env.h"
#include "btree/cache.h"
#include "btree/extent.h"
#include "btree/page_file.h"
#include "btree/page_table.h"
#include "btree/read_mode.h"
#include "btree/space_map.h"
#include "btree/superblock.h"
#include "btree/versions.h"

namespace revd::btree {

// What PageStore::open found.
struct StoreState {
  Superblock superblock;
  Hash128 hash;
  bool predecessor_intact = false;  // the other generation holds this one's predecessor
  // Copies that hold neither: before anything is written, the other generation's get zeros, this one's the
  // superblock.
  struct Copy {
    unsigned generation = 0;
    size_t copy = 0;
  };
  std::vector<Copy> wrong_copies;
  CheckpointId next_checkpoint;  // the sequence of the next superblock
};

class PageStore {
 public:
  PageStore(Env& env, std::string path, FileHandle file, const PageFileOptions& options, StoreState state);
  ~PageStore();
  PageStore(const PageStore&) = delete;
  PageStore& operator=(const PageStore&) = delete;

  // --- Reading -----------------------------------------------------------------------------------
  // The page's frame if it is in memory, else kNoFrame. Stays good until something is fetched or changed.
  FrameId lookup(const PagePointer& reference) {
    if (reference.is_on_disk()) [[likely]]
      return cache_.find(reference.sector(), reference.checksum());
    return lookup_dirty(reference);
  }
  // lookup(), then by `context.mode` reading from disk or kWouldBlock. request.pointer may be a dirty id.
  Result<FrameId> fetch(ReadContext& context, const PageRequest& request);
  Result<PageRef> fetch_pinned(ReadContext& context, const PageRequest& request);
  // On disk, unless the page has never been written.
  PagePointer resolve(const PagePointer& reference);
  // Reads and verifies one page into `page` (pointer.raw_bytes() long), past the cache; a second time if that
  // fails.
  Status read_page(const PageRequest& request, MutableByteSpan page);
  // The same checks for an extent that was read by others: `stored` begins at its first sector.
  Status check_page(const PageRequest& request, ByteSpan stored, MutableByteSpan page);
  // Verified bytes of a page that was read asynchronously enter the cache.
  Status insert_loaded(const PageRequest& request, ByteSpan stored);

  const std::byte* data(FrameId frame) { return cache_.data(frame); }
  ByteSpan page(FrameId frame) { return cache_.page(frame); }
  Cache& cache() { return cache_; }

  // --- Changing (an open transaction) ---------------------------------------------------------------
  void begin(bool preserve_published);
  void publish(const AppliedPosition& applied);
  void abandon();  // a transaction was destroyed without commit
  bool transaction_open() const { return transaction_open_; }
  bool preserving() const { return preserve_pin_ != nullptr; }
  std::vector<TreeRoot>& live() { return live_; }
  TreeRoot* live_tree(TreeId tree);
  // Counts changes of the live trees: a cursor over them that remembers another number must seek anew.
  uint64_t changes() const { return changes_; }
  void count_change() { ++changes_; }
  // Counts calls of settle_references(): references by dirty id from before mean nothing any more.
  uint64_t settled() const { return settled_; }

  // Makes sure that `slots` new pages can be made, writing dirty pages out early if need be.
  Status reserve(size_t slots);
  // A new dirty page; its bytes are undefined. Requires room that was reserved.
  PageRef new_page(TreeId tree, PageType type, size_t bytes, PagePointer& reference);
  MutableByteSpan mutable_page(FrameId frame) { return cache_.page(frame); }
  // Whether the page may be changed where it is.
  bool is_writable(FrameId frame) {
    const Frame& meta = cache_.frame(frame);
    return meta.state == FrameState::kDirty && meta.version > versions_.newest_pinned();
  }
  // Makes `page` (pinned by the caller alone, referred to by the live trees as `reference`) changeable,
  // copying it if older versions need it as it is. Afterwards `reference` is the page's new one. Requires one
  // reserved slot.
  void make_writable(PageRef& page, PagePointer& reference);
  // The live trees no longer refer to the page.
  void release(const PagePointer& reference);

  // --- Versions, checkpoints ---------------------------------------------------------------------
  Versions& versions() { return versions_; }
  Pin& pin(Versions::Holder holder) { return versions_.pin(holder, next_checkpoint_, env_.clock.now()); }
  void unpin(Pin& pin, Versions::Holder holder) { free_held(versions_.unpin(pin, holder)); }
  // Expires snapshots beyond the limits of age and memory.
  void enforce_snapshot_limits();
  // Writes some dirty pages out early; 0: none could be. Blocks.
  Result<size_t> spill();
  // Replaces every reference in memory to a page that has been written, and forgets their dirty ids.
  void settle_references();
  // Replaces those in one page; true if none to a page not written is left.
  bool settle_page(FrameId frame);
  // The frame of a page that was never written; kNoFrame if it has been.
  FrameId unwritten_frame(DirtyId id);
  // A dirty page has got its place on disk.
  void page_written(DirtyId id, const PagePointer& pointer);
  // The checkpoint number that pages of this version are born in.
  CheckpointId birth_of(uint64_t version) const {
    return running_ && version <= frozen_version_ ? running_checkpoint_ : next_checkpoint_;
  }
  void start_checkpoint();  // freezes the published version
  void end_checkpoint(const Superblock& written, const Hash128& hash);
  bool checkpoint_running() const { return running_; }
  CheckpointId running_checkpoint() const { return running_checkpoint_; }
  CheckpointId next_checkpoint() const { return next_checkpoint_; }

  // --- Space -------------------------------------------------------------------------------------
  // Corrects superblock copies left by a crash or fallback, reads the space map, or rebuilds a damaged one
  // from the trees, before the first allocation. Blocks.
  Status load_space_map();
  SpaceMap& space() { return space_; }
  // The run is marked in use; grows the file's logical size if need be.
  BlockRun allocate_run(uint32_t min_blocks, uint32_t max_blocks);
  uint64_t growth_blocks(uint64_t at_least) const;
  // Extents of pages written early that the checkpoint in progress doesn't contain.
  const std::vector<Extent>& born_later() const { return born_later_; }
  void set_image_extents(std::vector<Extent> extents) { image_extents_ = std::move(extents); }
  const std::vector<Extent>& image_extents() const { return image_extents_; }

  // --- The file ------------------------------------------------------------------------------------
  Env& env() { return env_; }
  FileHandle file() const { return file_; }
  const std::string& path() const { return path_; }
  const PageFileOptions& options() const { return options_; }
  const Superblock& superblock() const { return newest_; }
  const Hash128& superblock_hash() const { return newest_hash_; }
  // Read from the disk; an error if the other generation holds none.
  Result<Superblock> read_predecessor();
  const ExtentOwner& owner(TreeId tree) const { return owners_[tree.value()]; }
  bool should_compress(TreeId tree, PageType type);
  void record_compression(TreeId tree, const PagePointer& written);
  std::vector<TreeEntry> entries(const Version& version) const;
  std::vector<std::string>& names() { return names_; }
  const std::vector<std::string>& names() const { return names_; }
  // Stops all writing for good.
  void fail(const Error& error);
  Status failed() const { return failure_ ? Status(*failure_) : Status(); }
  PageFileStats& stats() { return stats_; }
  PageFileStats current_stats();

 private:
  FrameId lookup_dirty(const PagePointer& reference);
  Result<FrameId> take_frame(ReadContext& context, size_t bytes);
  Error describe(const PageRequest& request, const Error& error) const;
  Status read_once(const PageRequest& request, MutableByteSpan page);
  Status check_request(const PageRequest& request) const;
  void release_on_disk(const PagePointer& pointer);
  void retire(const Extent& extent, uint64_t superseded_in);
  void free_held(const std::vector<HeldPage>& pages);
  std::vector<FrameId> choose_spill();
  Status write_spill(const std::vector<FrameId>& frames);
  Status repair_superblocks();
  Status rebuild_space_map();

  Env& env_;
  std::string path_;
  FileHandle file_;
  PageFileOptions options_;
  Superblock newest_;
  Hash128 newest_hash_;
  bool predecessor_intact_;
  std::vector<StoreState::Copy> wrong_copies_;
  std::vector<ExtentOwner> owners_;  // by tree id; 0 is the space map
  std::vector<CompressionHistory> histories_;
  ExtentCodec codec_;
  AlignedBuffer read_buffer_;

  Cache cache_;
  PageTable table_;
  Versions versions_;
  SpaceMap space_;
  std::vector<Extent> image_extents_;
  std::vector<Extent> born_later_;
  std::vector<Extent> born_in_transaction_;  // written early by the open one
  std::vector<Extent>
      retired_by_transaction_;  // by one that preserves the published version, until its commit

  std::vector<std::string> names_;  // by tree id - 1
  std::vector<TreeRoot> live_;
  bool transaction_open_ = false;
  bool changed_ = false;
  Pin* preserve_pin_ = nullptr;
  uint64_t changes_ = 0;
  uint64_t settled_ = 0;

  CheckpointId next_checkpoint_;
  bool running_ = false;
  CheckpointId running_checkpoint_;
  uint64_t frozen_version_ = 0;
  std::optional<Error> failure_;
  PageFileStats stats_;
};

}  // namespace revd::btree

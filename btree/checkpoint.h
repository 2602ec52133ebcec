// Checkpointer: makes one published version durable, step by step, while everything else goes on.
//
//   freeze -> encode and write dirty pages, children before parents -> write the space map's image ->
//   one sync -> superblock copy 0, durable -> copy 1, durable -> release what that allows, call back
//
// Encoding runs on a worker, a bounded batch at a time; at most two batches are under way, one being
// encoded while the other is written. Frozen pages don't change, for their version is pinned; a frame stays
// pinned in the cache until its page has reached the disk. What a crash between any two steps leaves:
// btree/README.md, "Commit protocol". Any failure stops the page file; nothing is retried. Thread rule: the
// reactor thread; workers only read frozen frames and their batch's buffers.
#pragma once

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "btree/page_store.h"
#include "btree/run_packer.h"

namespace revd::btree {

class Checkpointer {
 public:
  explicit Checkpointer(PageStore& store);
  ~Checkpointer();
  using Done = std::move_only_function<void(Status)>;
  // PageFile::checkpoint.
  void start(const CheckpointInfo& info, Done done);
  bool running() const { return running_; }

 private:
  struct Page {
    DirtyId id;
    FrameId frame = kNoFrame;
    TreeId tree;
    bool try_zstd = false;
    PageType type = PageType::kNone;
    ByteSpan bytes;
  };
  // One worker's job.
  struct Batch {
    ExtentCodec codec;
    AlignedBuffer encoded;
    std::vector<Page> pages;
    std::vector<PendingExtent> extents;
    size_t writes = 0;  // under way
    bool busy = false;
  };
  struct Write {
    DiskOp op;
    PackedWrite packed;
  };

  Status freeze();
  void collect(const PagePointer& reference);
  void make_room();
  void pump();
  // False: nothing of the current rank is left.
  bool fill(Batch& batch);
  void encode(Batch& batch);
  void encoded(Batch& batch);
  void submit(std::vector<PackedWrite> writes, const std::function<void()>& each_done);
  void start_image();
  void image_encoded();
  void sync();
  void write_superblock(size_t copy);
  void finish();
  void fail(const Error& error);
  // Ends a failed checkpoint once nothing is under way any more. True if it has failed.
  bool stopped();
  void run_op(DiskOp& op, std::move_only_function<void()> then);

  PageStore& store_;
  bool running_ = false;
  CheckpointInfo info_;
  Done done_;
  Pin* pin_ = nullptr;
  // Pages by rank: overflow data, overflow indexes level by level, leaves, inner nodes level by level.
  std::vector<std::vector<DirtyId>> ranks_;
  size_t rank_ = 0;
  size_t next_in_rank_ = 0;
  size_t pages_per_batch_;
  std::array<Batch, 2> batches_;
  size_t encoding_ = 0;
  size_t under_way_ = 0;     // worker jobs and disk operations
  std::list<Write> writes_;  // under way
  std::string image_;
  Batch image_batch_;
  uint64_t live_sectors_ = 0;
  Superblock superblock_;
  Hash128 hash_;
  AlignedBuffer superblock_bytes_;
  DiskOp op_;
  std::optional<Error> error_;
};

}  // namespace revd::btree

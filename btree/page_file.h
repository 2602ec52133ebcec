// PageFile: copy-on-write B+trees in one file, with a cache, snapshots and checkpoints.
//
// What a crash leaves is exactly the newest durable checkpoint (or its successor, if its superblock had
// got there): whatever was committed since is the log's to repeat, from applied() on. How that is kept
// true: btree/README.md, "Commit protocol".
//
// Thread rule: the reactor thread; checkpoints compress on Executor::run_on_worker by themselves.
// Ownership: owns the open file and the cache; borrows Env. Snapshots, transactions, cursors and ValueRefs
// must be gone before it is destroyed, and idle() must hold, unless the process that Env belongs to is dead
// (simulated crash). One PageFile per file: the layer above holds the directory's lock.
// Errors: kDataLoss for bytes that fail verification (after a second read), with file, offset, tree and
// both checksums: the rest stays readable. Any failed write or sync makes failed() an error for good:
// reads still work, transactions and checkpoints are refused with that error; nothing is ever retried.
// Units: bytes, unless a name says otherwise. Formats: btree/README.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/env.h"
#include "btree/page_stats.h"
#include "btree/read_mode.h"
#include "btree/snapshot.h"
#include "btree/superblock.h"
#include "btree/verifier.h"
#include "btree/write_txn.h"

namespace revd::btree {

struct PageFileOptions {
  uint64_t cache_bytes =
      uint64_t{256}
      << 20;  // hard limit of frames, their bookkeeping and I/O buffers; at least kMinCacheBytes
  bool compression = true;  // zstd level 1 where it saves; false: all pages are stored raw
  bool direct = true;       // O_DIRECT where the file system allows it
  // The file grows ahead of need by a sixteenth of its size, within these bounds.
  uint64_t grow_bytes_min = uint64_t{4} << 20;
  uint64_t grow_bytes_max = uint64_t{1} << 30;
  // A snapshot older than this expires (checked at each commit and checkpoint); 0: no limit.
  Duration snapshot_age_max = std::chrono::minutes(5);
  // The oldest snapshots expire while superseded pages kept in memory for them take more than this; 0: a
  // quarter of the cache.
  uint64_t snapshot_pinned_bytes_max = 0;
};
inline constexpr uint64_t kMinCacheBytes = uint64_t{2} << 20;

struct TreeOptions {
  uint32_t leaf_page_bytes = 8192;  // 8192 or 16384
};

class PageStore;
class Checkpointer;
class PageLoader;

class PageFile {
 public:
  // Makes a new file with an empty tree directory (superblock 1), durable with its name when this
  // returns. Until the very end it has the name path + ".new". kAlreadyExists if `path` exists.
  static Result<std::unique_ptr<PageFile>> create(Env& env, const std::string& path,
                                                  const PageFileOptions& options);

  // Decides whether a superblock may be used: it decoded and its trees' roots are readable. Asked newest
  // first.
  using Accept = std::function<bool(const Superblock&)>;
  // Opens in O(1) of the amount of data. Uses the newest superblock whose hash and root pages are right
  // and that `accept` (null: any) takes. After a fallback to an older one, the next checkpoint first
  // makes the rejected generation invalid. kNotFound; kDataLoss if no superblock can be used.
  static Result<std::unique_ptr<PageFile>> open(Env& env, const std::string& path,
                                                const PageFileOptions& options,
                                                const Accept& accept = nullptr);
  ~PageFile();

  // The newest durable checkpoint's.
  const Superblock& superblock() const;
  // Of the last published version: the log's entries after this one are to be applied.
  const AppliedPosition& applied() const;
  const Uuid& uuid() const;

  // The tree of that name, made if it doesn't exist (published at once, durable with the next checkpoint; so
  // the layer above makes its trees at each start, before replay). Requires that no transaction is open.
  // kInvalidArgument: a bad name or page size; kFailedPrecondition: exists with another page size;
  // kResourceExhausted: kMaxTrees exist.
  Result<TreeId> ensure_tree(std::string_view name, const TreeOptions& options);
  std::optional<TreeId> find_tree(std::string_view name) const;
  // Of the last published version, by id.
  std::vector<TreeEntry> trees() const;

  // Requires that none is open. Its first change fails if failed().
  WriteTxn begin_write(const WriteOptions& options = {});
  // Of the last published version. Requires that no transaction is open except with preserve_published.
  Snapshot snapshot();

  // Writes the last published version, and what it was published with (WriteTxn::commit), in a durable way.
  // `done` is called on the reactor, never inside this call; after success superblock() is the new one.
  // Requires !checkpoint_running(), and that no transaction is open except with preserve_published. The log
  // must hold `applied` durably by then: wait for it before calling.
  void checkpoint(const CheckpointInfo& info, std::move_only_function<void(Status)> done);
  bool checkpoint_running() const;
  // Changed pages in memory, and whether they take so much of the cache (a fifth) that a checkpoint is due.
  uint64_t dirty_bytes() const;
  bool needs_checkpoint() const;

  // Reads the page that a call with kNonBlocking missed. `done` is called on the reactor, never inside this
  // call. After success the step can be repeated (and may miss again: another page, or this one evicted
  // meanwhile).
  void load(const PageRequest& request, std::move_only_function<void(Status)> done);

  // Checks everything, reading all of it from the disk with blocking reads: see verifier.h. Requires no open
  // transaction and no running checkpoint. An error is a finding; the report is complete only without one.
  Result<VerifyReport> verify(const VerifyOptions& options = {});

  // The error that stopped all writing, if any.
  Status failed() const;
  // No checkpoint and no load is under way.
  bool idle() const;
  PageFileStats stats() const;

 private:
  explicit PageFile(std::unique_ptr<PageStore> store);

  std::unique_ptr<PageStore> store_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<PageLoader> loader_;
};

}  // namespace revd::btree

#include "btree/page_file.h"

#include "base/check.h"
#include "btree/checkpoint.h"
#include "btree/page_loader.h"
#include "btree/page_store.h"

namespace revd::btree {

PageFile::PageFile(std::unique_ptr<PageStore> store)
    : store_(std::move(store)),
      checkpointer_(std::make_unique<Checkpointer>(*store_)),
      loader_(std::make_unique<PageLoader>(*store_)) {}

PageFile::~PageFile() = default;

const Superblock& PageFile::superblock() const { return store_->superblock(); }
const AppliedPosition& PageFile::applied() const { return store_->versions().published().applied; }
const Uuid& PageFile::uuid() const { return store_->superblock().file; }

Result<TreeId> PageFile::ensure_tree(std::string_view name, const TreeOptions& options) {
  TRY(store_->failed());
  const bool size_ok = options.leaf_page_bytes == 8192 || options.leaf_page_bytes == 16384;
  if (name.empty() || name.size() > kMaxTreeNameBytes || !size_ok)
    return Error(ErrorCode::kInvalidArgument, "a tree's name has 1 to 31 bytes, its leaves 8192 or 16384");
  std::vector<TreeRoot>& trees = store_->live();
  if (const auto found = find_tree(name)) {
    if (trees[found->value() - 1].leaf_page_bytes != options.leaf_page_bytes)
      return Error(ErrorCode::kFailedPrecondition, "the tree exists with another page size");
    return *found;
  }
  if (trees.size() == kMaxTrees) return Error(ErrorCode::kResourceExhausted, "the tree directory is full");
  const TreeId id(static_cast<uint32_t>(trees.size() + 1));
  store_->begin(false);
  store_->names().emplace_back(name);
  trees.push_back(
      {.id = id, .leaf_page_bytes = options.leaf_page_bytes, .height = 0, .key_count = 0, .root = {}});
  store_->publish(applied());
  return id;
}

std::optional<TreeId> PageFile::find_tree(std::string_view name) const {
  for (size_t i = 0; i < store_->names().size(); ++i)
    if (store_->names()[i] == name) return TreeId(static_cast<uint32_t>(i + 1));
  return std::nullopt;
}

std::vector<TreeEntry> PageFile::trees() const { return store_->entries(store_->versions().published()); }

WriteTxn PageFile::begin_write(const WriteOptions& options) { return WriteTxn(*store_, options); }

Snapshot PageFile::snapshot() {
  CHECK_MSG(!store_->transaction_open() || store_->preserving(),
            "a snapshot was taken inside a transaction that doesn't preserve the published version");
  return Snapshot(*store_, store_->pin(Versions::Holder::kSnapshot));
}

void PageFile::checkpoint(const CheckpointInfo& info, std::move_only_function<void(Status)> done) {
  CHECK_MSG(!store_->transaction_open() || store_->preserving(),
            "a checkpoint was begun inside a transaction that doesn't preserve the published version");
  checkpointer_->start(info, std::move(done));
}

bool PageFile::checkpoint_running() const { return checkpointer_->running(); }

uint64_t PageFile::dirty_bytes() const {
  return store_->cache().list_bytes(FrameList::kDirtyLow) +
         store_->cache().list_bytes(FrameList::kDirtyInner);
}

bool PageFile::needs_checkpoint() const { return dirty_bytes() > store_->cache().arena_bytes() / 5; }

void PageFile::load(const PageRequest& request, std::move_only_function<void(Status)> done) {
  loader_->load(request, std::move(done));
}

Result<VerifyReport> PageFile::verify(const VerifyOptions& options) {
  CHECK(!store_->transaction_open() && !checkpointer_->running());
  return verify_page_file(*store_, options);
}

Status PageFile::failed() const { return store_->failed(); }
bool PageFile::idle() const { return !checkpointer_->running() && loader_->idle(); }
PageFileStats PageFile::stats() const { return store_->current_stats(); }

}  // namespace revd::btree

// Restoring a directory from a backup stream, and checking a stream without restoring it.
#include <algorithm>

#include "base/strings.h"
#include "engine/backup.h"

namespace revd {

namespace {

Status read_stream(const BackupBytes& read, BackupReader& reader) {
  std::string frame;
  std::string body;
  while (!reader.complete()) {
    TRY(read(kBackupFrameHeadBytes, frame));
    TRY_ASSIGN(const size_t count, BackupReader::body_bytes(as_bytes(frame)));
    TRY(read(count, body));
    frame += body;
    TRY(reader.feed(as_bytes(frame)));
  }
  return {};
}

// Loads entries in batches into a page file that nobody else sees, checkpointing when its cache fills.
class Loader {
 public:
  Loader(Env& env, btree::PageFile& pages, const wal::Wal& log) : env_(env), pages_(pages), log_(log) {}

  Status begin(const BackupInfo& info) {
    applied_ = info.applied;
    for (const BackupTree& tree : info.trees) {
      TRY_ASSIGN(const TreeId id, pages_.ensure_tree(tree.name, {.leaf_page_bytes = tree.leaf_page_bytes}));
      trees_.push_back(id);
    }
    return {};
  }

  Status add(size_t tree, std::string_view key, std::string_view value) {
    if (!txn_) txn_.emplace(pages_.begin_write());
    TRY(txn_->put(trees_[tree], key, value));
    bytes_ += key.size() + value.size();
    return bytes_ < (1 << 20) ? Status() : flush();
  }

  Status flush() {
    bytes_ = 0;
    if (txn_) {
      txn_->commit(applied_);
      txn_.reset();
    }
    return pages_.needs_checkpoint() ? checkpoint() : Status();
  }

  Status checkpoint() {
    btree::CheckpointInfo info;
    info.commit = applied_.index;
    info.acknowledged_sequence = log_.acknowledged_sequence();
    info.wal_start_segment = log_.segment_of(applied_.index.next());
    info.log_base = {.log = log_.identity().log, .index = applied_.index, .term = applied_.term};
    std::optional<Status> done;
    pages_.checkpoint(info, [&done](Status status) { done = std::move(status); });
    env_.executor.run_until([&done] { return done.has_value(); });
    if (!done) return Error(ErrorCode::kCancelled, "the loop was stopped during a restore");
    return std::move(*done);
  }

 private:
  Env& env_;
  btree::PageFile& pages_;
  const wal::Wal& log_;
  AppliedPosition applied_;
  std::vector<TreeId> trees_;
  std::optional<WriteTxn> txn_;
  size_t bytes_ = 0;
};

Status require_empty(Disk& disk, const std::string& data_dir) {
  TRY(make_directory(disk, data_dir));
  TRY_ASSIGN(const std::vector<std::string> names, list_directory(disk, data_dir));
  if (names.empty()) return {};
  return Error(ErrorCode::kAlreadyExists, str_cat(data_dir, " isn't empty (", names.front(),
                                                  " is there); restore into a new directory"));
}

}  // namespace

Result<BackupTotals> restore_backup(Env& env, const BackendConfig& config, const RestoreOptions& options,
                                    const BackupBytes& read) {
  TRY(config.validate());
  TRY(require_empty(env.disk, config.data_dir));
  const std::string unfinished = page_file_path(config.data_dir) + ".restoring";
  std::unique_ptr<wal::Wal> log;
  std::unique_ptr<btree::PageFile> pages;
  std::unique_ptr<Loader> loader;

  BackupReader reader({
      .on_header = [&](const BackupInfo& info) -> Status {
        wal::WalOptions log_options;
        log_options.directory = wal_directory(config.data_dir);
        log_options.create = wal::LogIdentity{
            .log = env.random.uuid(), .cluster = options.cluster_id, .node = options.node_id};
        log_options.base = {.index = info.applied.index, .term = info.applied.term};
        log_options.segment_bytes = config.wal_segment_bytes;
        log_options.max_batch_bytes =
            std::min<size_t>(log_options.max_batch_bytes, config.wal_segment_bytes / 4);
        TRY_ASSIGN(log, wal::Wal::open(env, log_options));
        TRY_ASSIGN(pages, btree::PageFile::create(env, unfinished,
                                                  {.cache_bytes = uint64_t{config.cache_size_mb} << 20,
                                                   .compression = config.compression,
                                                   .grow_bytes_min = config.grow_bytes_min,
                                                   .grow_bytes_max = config.grow_bytes_max}));
        loader = std::make_unique<Loader>(env, *pages, *log);
        return loader->begin(info);
      },
      .on_entry = [&](size_t tree, std::string_view key, std::string_view value) -> Status {
        TRY(loader->add(tree, key, value));
        if (options.on_progress && reader.totals().entries % 1024 == 0) options.on_progress(reader.totals());
        return {};
      },
  });
  TRY(read_stream(read, reader));
  TRY(loader->flush());
  if (options.finish) TRY(options.finish(*pages, reader.info()));
  // Twice, so that both generations of the superblock hold the whole.
  TRY(loader->checkpoint());
  TRY(loader->checkpoint());
  TRY(pages->verify());
  loader.reset();
  pages.reset();
  TRY(rename_file(env.disk, unfinished, page_file_path(config.data_dir)));
  TRY(sync_directory(env.disk, config.data_dir));
  return reader.totals();
}

Result<BackupInfo> check_backup(const BackupBytes& read, BackupTotals& totals) {
  BackupReader reader({});
  TRY(read_stream(read, reader));
  totals = reader.totals();
  return reader.info();
}

}  // namespace revd

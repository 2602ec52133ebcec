#include "engine/recovery.h"

#include <algorithm>

#include "base/strings.h"

namespace revd {

std::string page_file_path(const std::string& data_dir) { return data_dir + "/data.revd"; }
std::string wal_directory(const std::string& data_dir) { return data_dir + "/wal"; }

namespace engine_internal {

namespace {

std::string parent_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<FileHandle> lock_directory(Disk& disk, const std::string& data_dir) {
  TRY(make_directory(disk, data_dir));
  TRY(sync_directory(disk, parent_of(data_dir)));
  TRY_ASSIGN(const OpenedFile file, open_file(disk, data_dir + "/LOCK", {.create = true, .direct = false}));
  DiskOp op;
  op.kind = DiskOp::Kind::kLock;
  op.file = file.file;
  if (auto locked = disk.wait(op); !locked.ok()) {
    (void)close_file(disk, file.file);
    return Error(locked.error().code(),
                 str_cat("data directory ", data_dir, " is in use: ", locked.error().text()));
  }
  return file.file;
}

btree::PageFileOptions page_options(const BackendConfig& config) {
  return {.cache_bytes = uint64_t{config.cache_size_mb} << 20,
          .compression = config.compression,
          .grow_bytes_min = config.grow_bytes_min,
          .grow_bytes_max = config.grow_bytes_max,
          .snapshot_age_max = std::chrono::milliseconds(config.snapshot_age_ms_max),
          .snapshot_pinned_bytes_max = config.snapshot_pinned_bytes_max};
}

wal::WalOptions log_options(const BackendConfig& config) {
  wal::WalOptions options;
  options.directory = wal_directory(config.data_dir);
  options.segment_bytes = config.wal_segment_bytes;
  options.write_depth = config.wal_write_depth;
  options.use_fdatasync = config.wal_use_fdatasync;
  // A batch never fills more than a quarter of a segment, so that small segments (tests) hold several.
  options.max_batch_bytes = std::min<size_t>(options.max_batch_bytes, config.wal_segment_bytes / 4);
  return options;
}

// A new directory: first the log, then the page file, so that a page file never lacks its log. A crash
// in between leaves an empty log, which the next start takes.
Status create_parts(Env& env, const BackendConfig& config, OpenedParts& parts) {
  wal::WalOptions options = log_options(config);
  options.create =
      wal::LogIdentity{.log = env.random.uuid(), .cluster = config.cluster_id, .node = config.node_id};
  TRY_ASSIGN(parts.log, wal::Wal::open(env, std::move(options)));
  const std::string path = page_file_path(config.data_dir);
  if (parts.log->last_index() != LogIndex(0) || !parts.log->checkpoints().empty())
    return Error(ErrorCode::kDataLoss,
                 str_cat(path, " is missing, but the log beside it goes up to entry ",
                         parts.log->last_index().value(), "; restore the file or start from a backup"));
  TRY_ASSIGN(parts.pages, btree::PageFile::create(env, path, page_options(config)));
  parts.report.created = true;
  return {};
}

// The log's last one for this file.
std::optional<wal::CheckpointRecord> checkpoint_record(const wal::Wal& log, const Uuid& file) {
  const auto& records = log.checkpoints();
  const auto record = std::ranges::find(records, file, &wal::CheckpointRecord::file);
  if (record == records.end()) return std::nullopt;
  return *record;
}

// Whether the log allows opening with this superblock: storage.md, "Page file". The log's last record for
// this file names checkpoint N and its predecessor P: anything older than P has been released.
bool log_accepts(const wal::Wal& log, const btree::Superblock& superblock) {
  if (superblock.applied.index.next() < log.first_index()) return false;
  const auto record = checkpoint_record(log, superblock.file);
  if (!record) return true;
  const uint64_t sequence = superblock.sequence.value();
  return sequence >= record->checkpoint || sequence == record->predecessor;
}

// The log must hold the entry that the checkpoint ends with; one that is behind has lost its tail.
Status check_log_covers(const wal::Wal& log, const AppliedPosition& applied) {
  const auto term = log.term_at(applied.index);
  if (term && (*term == applied.term || applied.index < log.first_index())) return {};
  return Error(
      ErrorCode::kDataLoss,
      str_cat("the page file contains entry ", applied.index.value(), " of term ", applied.term.value(),
              ", but the log holds entries ", log.first_index().value(), " to ", log.last_index().value(),
              term ? str_cat(", that one of term ", term->value()) : ""));
}

Status open_existing(Env& env, const BackendConfig& config, OpenedParts& parts) {
  const std::string path = page_file_path(config.data_dir);
  TRY_ASSIGN(const std::vector<btree::Superblock> superblocks, read_superblocks(env.disk, path));
  if (superblocks.empty()) return Error(ErrorCode::kDataLoss, str_cat(path, ": no intact superblock"));

  wal::WalOptions options = log_options(config);
  options.start_segment = UINT64_MAX;
  for (const btree::Superblock& superblock : superblocks) {
    options.start_segment = std::min(options.start_segment, superblock.info.wal_start_segment);
    options.acknowledged_sequence =
        std::max(options.acknowledged_sequence, superblock.info.acknowledged_sequence);
    if (superblock.info.log_base.log != Uuid{}) options.expected_log = superblock.info.log_base.log;
  }
  auto log = wal::Wal::open(env, std::move(options));
  if (!log.ok()) {
    if (log.error().code() != ErrorCode::kNotFound) return std::move(log).error();
    return Error(ErrorCode::kDataLoss, str_cat(path, " has no log beside it: ", log.error().text()));
  }
  parts.log = std::move(log).value();
  TRY_ASSIGN(parts.pages, btree::PageFile::open(env, path, page_options(config), [&](const auto& superblock) {
               return log_accepts(*parts.log, superblock);
             }));
  const uint64_t opened = parts.pages->superblock().sequence.value();
  const auto record = checkpoint_record(*parts.log, parts.pages->uuid());
  parts.report.superblock_fallback =
      opened < superblocks.front().sequence.value() || (record && opened < record->checkpoint);
  return check_log_covers(*parts.log, parts.pages->applied());
}

}  // namespace

Result<std::vector<btree::Superblock>> read_superblocks(Disk& disk, const std::string& path) {
  TRY_ASSIGN(const OpenedFile file, open_file(disk, path, {.read_only = false}));
  // What a failed sync left in the cache isn't on the disk: sync, then read the medium.
  Status synced = sync_file(disk, file.file);
  DiskOp drop;
  drop.kind = DiskOp::Kind::kDropCache;
  drop.file = file.file;
  if (synced.ok())
    if (auto dropped = disk.wait(drop); !dropped.ok()) synced = dropped.error();

  std::vector<btree::Superblock> found;
  AlignedBuffer block(btree::kSuperblockBytes);
  for (unsigned generation = 0; generation < 2 && synced.ok(); ++generation) {
    for (size_t copy = 0; copy < btree::kSuperblockCopyBlocks.size(); ++copy) {
      const uint64_t offset = btree::superblock_offset(generation, copy);
      if (!read_exactly(disk, file.file, offset, block.span()).ok()) continue;
      auto superblock = btree::Superblock::decode(block.span());
      if (superblock.ok() &&
          std::ranges::find(found, superblock->sequence, &btree::Superblock::sequence) == found.end())
        found.push_back(std::move(*superblock));
    }
  }
  TRY(close_file(disk, file.file));
  TRY(std::move(synced));
  std::ranges::sort(found, std::ranges::greater{}, &btree::Superblock::sequence);
  return found;
}

Result<OpenedParts> open_parts(Env& env, const BackendConfig& config) {
  TRY(config.validate());
  OpenedParts parts;
  TRY_ASSIGN(parts.lock, lock_directory(env.disk, config.data_dir));
  const auto open_files = [&]() -> Status {
    TRY_ASSIGN(const std::vector<std::string> names, list_directory(env.disk, config.data_dir));
    const bool has_pages = std::ranges::find(names, "data.revd") != names.end();
    return has_pages ? open_existing(env, config, parts) : create_parts(env, config, parts);
  };
  if (Status opened = open_files(); !opened.ok()) {
    parts.pages.reset();
    parts.log.reset();
    (void)close_file(env.disk, parts.lock);
    return std::move(opened).error();
  }
  parts.report.checkpoint = parts.pages->applied();
  parts.report.log_last = parts.log->last_index();
  parts.report.entries_to_replay = parts.log->last_index().value() - parts.pages->applied().index.value();
  return parts;
}

}  // namespace engine_internal
}  // namespace revd

#include "wal/recovery.h"

#include <algorithm>

#include "base/strings.h"

namespace revd::wal {

namespace {

// The steps that write.
class Repairer {
 public:
  Repairer(Env env, const WalOptions& options, uint64_t run, OpenFiles& files)
      : env_(env), disk_(env.disk), options_(options), run_(run), files_(files) {}

  Result<RecoveredLog> repair(LogDirectory directory, Replay replay);
  Result<RecoveredLog> create(LogDirectory directory);

 private:
  std::string path(std::string_view name) const { return str_cat(options_.directory, "/", name); }
  Status check_nothing_promised(const LogDirectory& directory);
  Status clear_directory(LogDirectory& directory, size_t segment_count);
  Status adopt_spares(LogDirectory& directory);
  Result<Spare> take_spare();
  Status install(const SegmentHeader& header);
  Status write_block(const BatchHeader& header, const std::optional<Record>& record, uint64_t& checksum);
  BatchHeader next_header() const;
  Status start_successor();
  Status seal();

  Env env_;
  Disk& disk_;
  const WalOptions& options_;
  uint64_t run_;
  OpenFiles& files_;
  RecoveredLog log_;
};

Result<RecoveredLog> Repairer::repair(LogDirectory directory, Replay replay) {
  log_.identity = replay.identity;
  log_.terms = std::move(replay.terms);
  log_.log = std::move(replay.log);
  log_.commit = replay.commit;
  log_.tail = replay.tail;
  TRY_ASSIGN(log_.hard_state,
             recover_hard_state(disk_, options_, log_.identity.log, files_, log_.hard_state_files));
  for (size_t i = 0; i < replay.segment_count; ++i)
    log_.segments.push_back({.file = directory.segments[i].file, .header = *directory.segments[i].header});
  TRY(clear_directory(directory, replay.segment_count));
  TRY(adopt_spares(directory));
  TRY(seal());
  return std::move(log_);
}

// Any segment file was once durable, and its log may have promised something.
Status Repairer::check_nothing_promised(const LogDirectory& directory) {
  const Error lost(ErrorCode::kDataLoss,
                   str_cat(options_.directory, ": there was a log here, but no segment of it is left"));
  if (options_.start_segment != 0 || options_.acknowledged_sequence != 0) return lost;
  if (!directory.has_hard_state) return {};
  AlignedBuffer block(kBlockBytes);
  for (const char* name : kHardStateNames) {
    Result<OpenedFile> opened = open_file(disk_, path(name), {});
    if (!opened.ok() && opened.error().code() == ErrorCode::kNotFound) continue;
    TRY_ASSIGN(const OpenedFile file, std::move(opened));
    files_.add(file.file);
    if (file.size >= kBlockBytes) {
      TRY(read_exactly(disk_, file.file, 0, block.span()));
      const std::optional<HardStateCopy> copy = decode_hard_state(block.span());
      if (copy && copy->sequence > 1) return lost;
    }
    TRY(files_.close(file.file));
  }
  return {};
}

Result<RecoveredLog> Repairer::create(LogDirectory directory) {
  TRY(check_nothing_promised(directory));
  if (!options_.create) return Error(ErrorCode::kNotFound, str_cat(options_.directory, ": no log"));
  log_.identity = *options_.create;
  log_.terms = TermTable(options_.base);
  log_.log = DurableLog(options_.base.index);
  TRY_ASSIGN(log_.hard_state,
             create_hard_state(disk_, options_, log_.identity.log, files_, log_.hard_state_files));
  TRY(clear_directory(directory, 0));
  TRY(adopt_spares(directory));
  TRY(install({.identity = log_.identity,
               .segment_bytes = options_.segment_bytes,
               .number = 1,
               .salt = env_.random.next(),
               .previous_hash = 0,
               .first_sequence = 1,
               .base = options_.base}));
  TRY(seal());
  return std::move(log_);
}

// Segments that nothing names become spares, durably, before their numbers are used again;
// what a crash left unfinished goes.
Status Repairer::clear_directory(LogDirectory& directory, size_t segment_count) {
  log_.next_spare_id = directory.next_spare_id;
  for (size_t i = segment_count; i < directory.segments.size(); ++i) {
    SegmentFile spare = directory.segments[i];
    spare.number = log_.next_spare_id++;
    TRY(rename_file(disk_, path(spare.name), path(spare_name(spare.number))));
    spare.name = spare_name(spare.number);
    directory.spares.push_back(std::move(spare));
  }
  for (const std::string& name : directory.unfinished) TRY(remove_file(disk_, path(name)));
  return sync_directory(disk_, options_.directory);
}

Status Repairer::adopt_spares(LogDirectory& directory) {
  AlignedBuffer zeros(kBlockBytes);
  std::ranges::fill(zeros.span(), std::byte{0});
  for (const SegmentFile& spare : directory.spares) {
    if (spare.size != options_.segment_bytes || log_.spares.size() >= options_.spares_kept) {
      TRY(files_.close(spare.file));
      TRY(remove_file(disk_, path(spare.name)));
      continue;
    }
    // So that the next open needn't search it for batches.
    if (spare.header) TRY(write_fully(disk_, spare.file, 0, zeros.span(), false));
    log_.spares.push_back({.id = spare.number, .file = spare.file});
  }
  return {};
}

Result<Spare> Repairer::take_spare() {
  if (!log_.spares.empty()) {
    const Spare spare = log_.spares.front();
    log_.spares.pop_front();
    return spare;
  }
  SpareCreation creation(options_.directory, log_.next_spare_id++, options_.segment_bytes);
  const Status made = run_sequence(disk_, [&](DiskOp& op) { return creation.next(op); });
  if (creation.spare().file != kNoFile) files_.add(creation.spare().file);
  TRY(made);
  return creation.spare();
}

Status Repairer::install(const SegmentHeader& header) {
  TRY_ASSIGN(const Spare spare, take_spare());
  SegmentInstallation installation(options_.directory, spare, header);
  TRY(run_sequence(disk_, [&](DiskOp& op) { return installation.next(op); }));
  log_.segments.push_back({.file = spare.file, .header = header});
  log_.tail.offset = kBlockBytes;
  return {};
}

BatchHeader Repairer::next_header() const {
  BatchHeader header;
  header.log = log_.identity.log.short_form();
  header.sequence = log_.tail.next_sequence;
  header.previous_hash = log_.tail.previous_hash;
  // Everything that was read is durable: it was synced before.
  header.acknowledged = log_.tail.next_sequence - 1;
  header.commit = log_.commit;
  header.run = run_;
  return header;
}

// The log goes on in a new segment; the naming record comes last, as always.
Status Repairer::start_successor() {
  const Segment current = log_.segments.back();
  const Successor successor{.number = current.number() + 1, .salt = env_.random.next()};
  AlignedBuffer block(kBlockBytes);
  std::ranges::fill(block.span(), std::byte{0});
  BatchHeader header = next_header();
  header.record_count = 1;
  header.bytes_used =
      static_cast<uint32_t>(kBatchHeaderBytes + encode_record(successor, block.data() + kBatchHeaderBytes));
  const uint64_t checksum = seal_batch(header, current.header.salt, block.span());
  const uint64_t offset = log_.tail.offset;
  TRY(install({.identity = log_.identity,
               .segment_bytes = options_.segment_bytes,
               .number = successor.number,
               .salt = successor.salt,
               .previous_hash = checksum,
               .first_sequence = header.sequence + 1,
               .base = log_.terms.last()}));
  TRY(write_fully(disk_, current.file, offset, block.span(), false));
  TRY(sync_file(disk_, current.file));
  log_.tail = {.offset = kBlockBytes, .next_sequence = header.sequence + 1, .previous_hash = checksum};
  return {};
}

Status Repairer::seal() {
  if (log_.tail.offset + 2 * kBlockBytes > log_.segments.back().header.segment_bytes) TRY(start_successor());
  const Segment& current = log_.segments.back();
  AlignedBuffer block(kBlockBytes);
  std::ranges::fill(block.span(), std::byte{0});
  BatchHeader header = next_header();
  header.bytes_used = kBatchHeaderBytes;
  const uint64_t checksum = seal_batch(header, current.header.salt, block.span());
  TRY(write_fully(disk_, current.file, log_.tail.offset, block.span(), false));
  TRY(sync_file(disk_, current.file));
  log_.tail = {.offset = log_.tail.offset + kBlockBytes,
               .next_sequence = header.sequence + 1,
               .previous_hash = checksum};
  return {};
}

std::string parent_of(const std::string& directory) {
  const size_t slash = directory.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : directory.substr(0, slash);
}

}  // namespace

Result<RecoveredLog> recover(Env env, const WalOptions& options, uint64_t run) {
  OpenFiles files(env.disk);
  TRY_ASSIGN(std::optional<LogDirectory> directory, read_directory(env.disk, options, files));
  if (!directory) {
    if (!options.create) return Error(ErrorCode::kNotFound, str_cat(options.directory, ": no log"));
    TRY(make_directory(env.disk, options.directory));
    directory.emplace();
  }
  // The directory may be new, also if a crash came between making it and this.
  if (directory->segments.empty() && options.create)
    TRY(sync_directory(env.disk, parent_of(options.directory)));
  Repairer repairer(env, options, run, files);
  Result<RecoveredLog> log = Error(ErrorCode::kUnknown, "");
  if (directory->segments.empty()) {
    log = repairer.create(std::move(*directory));
  } else {
    TRY_ASSIGN(Replay replay, replay_log(env.disk, options, *directory));
    log = repairer.repair(std::move(*directory), std::move(replay));
  }
  if (log.ok()) files.release();
  return log;
}

}  // namespace revd::wal

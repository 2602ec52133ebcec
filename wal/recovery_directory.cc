// Recovery's first step: what is in the directory, made durable before it is believed.
#include <algorithm>

#include "base/strings.h"
#include "wal/recovery.h"

namespace revd::wal {

namespace {

std::string path_in(const WalOptions& options, std::string_view name) {
  return str_cat(options.directory, "/", name);
}

Status drop_cache(Disk& disk, FileHandle file) {
  DiskOp op;
  op.kind = DiskOp::Kind::kDropCache;
  op.file = file;
  TRY(disk.wait(op));
  return {};
}

// After a failed sync the cache may show bytes that the medium doesn't have, so: sync, forget, read.
Result<OpenedFile> open_settled(Disk& disk, const std::string& path, DiskOp::OpenOptions how,
                                OpenFiles& files) {
  TRY_ASSIGN(const OpenedFile opened, open_file(disk, path, how));
  files.add(opened.file);
  TRY(sync_file(disk, opened.file));
  TRY(drop_cache(disk, opened.file));
  return opened;
}

Status read_block(Disk& disk, FileHandle file, MutableByteSpan into) {
  Status read = read_exactly(disk, file, 0, into);
  return read.ok() ? read : read_exactly(disk, file, 0, into);
}

Result<SegmentFile> open_segment(Disk& disk, const WalOptions& options, std::string name, uint64_t number,
                                 OpenFiles& files) {
  TRY_ASSIGN(const OpenedFile opened, open_settled(disk, path_in(options, name), {}, files));
  SegmentFile segment{
      .number = number, .name = std::move(name), .file = opened.file, .size = opened.size, .header = {}};
  AlignedBuffer block(kBlockBytes);
  if (opened.size >= kBlockBytes && read_block(disk, opened.file, block.span()).ok())
    segment.header = decode_segment_header(block.span());
  if (segment.header && segment.header->segment_bytes != opened.size) segment.header.reset();
  return segment;
}

}  // namespace

OpenFiles::~OpenFiles() {
  for (const FileHandle file : files_) static_cast<void>(close_file(disk_, file));
}

Status OpenFiles::close(FileHandle file) {
  std::erase(files_, file);
  return close_file(disk_, file);
}

Result<std::optional<LogDirectory>> read_directory(Disk& disk, const WalOptions& options, OpenFiles& files) {
  Result<std::vector<std::string>> listed = list_directory(disk, options.directory);
  if (!listed.ok() && listed.error().code() == ErrorCode::kNotFound) return std::optional<LogDirectory>();
  TRY_ASSIGN(const std::vector<std::string> names, std::move(listed));
  TRY(sync_directory(disk, options.directory));
  LogDirectory directory;
  for (const std::string& name : names) {
    if (const std::optional<uint64_t> number = parse_segment_name(name)) {
      TRY_ASSIGN(SegmentFile segment, open_segment(disk, options, name, *number, files));
      if (segment.header && segment.header->number != *number) segment.header.reset();
      directory.segments.push_back(std::move(segment));
    } else if (const std::optional<uint64_t> id = parse_spare_name(name)) {
      TRY_ASSIGN(SegmentFile spare, open_segment(disk, options, name, *id, files));
      directory.next_spare_id = std::max(directory.next_spare_id, *id + 1);
      directory.spares.push_back(std::move(spare));
    } else if (const std::optional<uint64_t> unfinished = parse_unfinished_spare_name(name)) {
      directory.next_spare_id = std::max(directory.next_spare_id, *unfinished + 1);
      directory.unfinished.push_back(name);
    } else {
      directory.has_hard_state |= name == kHardStateNames[0] || name == kHardStateNames[1];
    }
  }
  return std::optional<LogDirectory>(std::move(directory));
}

// ---- Hard state ----

namespace {

Status write_copies(Disk& disk, const FileHandle (&handles)[2], const HardStateCopy& copy) {
  AlignedBuffer block(kBlockBytes);
  encode_hard_state(copy, block.span());
  for (const FileHandle file : handles) {
    TRY(write_fully(disk, file, 0, block.span(), false));
    TRY(sync_file(disk, file));
  }
  return {};
}

// Makes the files that aren't there.
Status open_missing(Disk& disk, const WalOptions& options, OpenFiles& files, FileHandle (&handles)[2]) {
  for (size_t i = 0; i < 2; ++i) {
    if (handles[i] != kNoFile) continue;
    TRY_ASSIGN(const OpenedFile opened,
               open_file(disk, path_in(options, kHardStateNames[i]), {.create = true}));
    files.add(opened.file);
    handles[i] = opened.file;
  }
  return {};
}

}  // namespace

Result<HardStateCopy> recover_hard_state(Disk& disk, const WalOptions& options, const Uuid& log,
                                         OpenFiles& files, FileHandle (&handles)[2]) {
  std::optional<HardStateCopy> copies[2];
  AlignedBuffer block(kBlockBytes);
  for (size_t i = 0; i < 2; ++i) {
    Result<OpenedFile> opened = open_settled(disk, path_in(options, kHardStateNames[i]), {}, files);
    if (!opened.ok() && opened.error().code() == ErrorCode::kNotFound) continue;
    TRY_ASSIGN(const OpenedFile file, std::move(opened));
    handles[i] = file.file;
    if (file.size >= kBlockBytes && read_block(disk, file.file, block.span()).ok())
      copies[i] = decode_hard_state(block.span());
    if (copies[i] && copies[i]->log != log) copies[i].reset();
  }
  if (!copies[0] && !copies[1])
    return Error(ErrorCode::kDataLoss,
                 str_cat(path_in(options, kHardStateNames[0]), " and ", path_in(options, kHardStateNames[1]),
                         ": offset 0: both copies of the hard state are unreadable; term and vote are lost"));
  const bool equal = copies[0] && copies[1] && copies[0]->sequence == copies[1]->sequence;
  const bool first_is_newer = copies[0] && (!copies[1] || copies[0]->sequence >= copies[1]->sequence);
  const HardStateCopy newest = first_is_newer ? *copies[0] : *copies[1];
  if (equal) return newest;
  TRY(open_missing(disk, options, files, handles));
  TRY(write_copies(disk, handles, newest));
  TRY(sync_directory(disk, options.directory));
  return newest;
}

Result<HardStateCopy> create_hard_state(Disk& disk, const WalOptions& options, const Uuid& log,
                                        OpenFiles& files, FileHandle (&handles)[2]) {
  TRY(open_missing(disk, options, files, handles));
  const HardStateCopy copy{.log = log, .sequence = 1, .state = {}};
  TRY(write_copies(disk, handles, copy));
  TRY(sync_directory(disk, options.directory));
  return copy;
}

}  // namespace revd::wal

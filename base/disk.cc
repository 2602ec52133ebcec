#include "base/disk.h"

#include "base/strings.h"

namespace revd {

namespace {

DiskOp file_op(DiskOp::Kind kind, FileHandle file) {
  DiskOp op;
  op.kind = kind;
  op.file = file;
  return op;
}

Status wait_for_path(Disk& disk, DiskOp::Kind kind, const std::string& path) {
  DiskOp op;
  op.kind = kind;
  op.path = path;
  TRY(disk.wait(op));
  return {};
}

}  // namespace

Result<OpenedFile> open_file(Disk& disk, const std::string& path, DiskOp::OpenOptions options) {
  DiskOp op;
  op.kind = DiskOp::Kind::kOpen;
  op.path = path;
  op.open = options;
  TRY_ASSIGN(const uint64_t size, disk.wait(op));
  return OpenedFile{.file = op.file, .size = size};
}

Status close_file(Disk& disk, FileHandle file) {
  DiskOp op = file_op(DiskOp::Kind::kClose, file);
  TRY(disk.wait(op));
  return {};
}

Status read_exactly(Disk& disk, FileHandle file, uint64_t offset, MutableByteSpan into) {
  DiskOp op = file_op(DiskOp::Kind::kRead, file);
  op.offset = offset;
  op.read_into = into;
  TRY_ASSIGN(const uint64_t count, disk.wait(op));
  if (count != into.size())
    return Error(ErrorCode::kDataLoss, str_cat("the file ends at ", offset + count, ", ", into.size(),
                                               " bytes were expected at ", offset));
  return {};
}

Status write_fully(Disk& disk, FileHandle file, uint64_t offset, ByteSpan bytes, bool durable) {
  DiskOp op = file_op(DiskOp::Kind::kWrite, file);
  op.offset = offset;
  op.write_from = bytes;
  op.durable = durable;
  TRY(disk.wait(op));
  return {};
}

Status sync_file(Disk& disk, FileHandle file) {
  DiskOp op = file_op(DiskOp::Kind::kSync, file);
  TRY(disk.wait(op));
  return {};
}

Status truncate_file(Disk& disk, FileHandle file, uint64_t size) {
  DiskOp op = file_op(DiskOp::Kind::kTruncate, file);
  op.length = size;
  TRY(disk.wait(op));
  return {};
}

Status rename_file(Disk& disk, const std::string& from, const std::string& to) {
  DiskOp op;
  op.kind = DiskOp::Kind::kRename;
  op.path = from;
  op.path2 = to;
  TRY(disk.wait(op));
  return {};
}

Status remove_file(Disk& disk, const std::string& path) {
  return wait_for_path(disk, DiskOp::Kind::kRemove, path);
}
Status make_directory(Disk& disk, const std::string& path) {
  return wait_for_path(disk, DiskOp::Kind::kMakeDirectory, path);
}
Status sync_directory(Disk& disk, const std::string& path) {
  return wait_for_path(disk, DiskOp::Kind::kSyncDirectory, path);
}

Result<std::vector<std::string>> list_directory(Disk& disk, const std::string& path) {
  DiskOp op;
  op.kind = DiskOp::Kind::kList;
  op.path = path;
  TRY(disk.wait(op));
  return std::move(op.names);
}

}  // namespace revd

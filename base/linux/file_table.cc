#include "base/linux/file_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/linux/system_error.h"

namespace revd::os {

namespace {

// Below what one call moves at most (2 GiB - 4 KiB), and whole blocks.
constexpr size_t kLongestTransfer = size_t{1} << 30;

const char* kind_name(DiskOp::Kind kind) {
  switch (kind) {
    case DiskOp::Kind::kOpen: return "open";
    case DiskOp::Kind::kClose: return "close";
    case DiskOp::Kind::kRead: return "read";
    case DiskOp::Kind::kWrite: return "write";
    case DiskOp::Kind::kSync: return "sync";
    case DiskOp::Kind::kAllocate: return "allocate";
    case DiskOp::Kind::kPunch: return "punch";
    case DiskOp::Kind::kTruncate: return "truncate";
    case DiskOp::Kind::kRename: return "rename";
    case DiskOp::Kind::kRemove: return "remove";
    case DiskOp::Kind::kMakeDirectory: return "make directory";
    case DiskOp::Kind::kSyncDirectory: return "sync directory";
    case DiskOp::Kind::kList: return "list";
    case DiskOp::Kind::kDropCache: return "drop cache";
    case DiskOp::Kind::kLock: return "lock";
  }
  return "?";
}

ErrorCode code_of(int number) {
  switch (number) {
    case ENOENT: return ErrorCode::kNotFound;
    case EEXIST: return ErrorCode::kAlreadyExists;
    case ENOSPC:
    case EDQUOT: return ErrorCode::kResourceExhausted;
    default: return ErrorCode::kIo;
  }
}

bool works_on_path(DiskOp::Kind kind) {
  switch (kind) {
    case DiskOp::Kind::kOpen:
    case DiskOp::Kind::kRename:
    case DiskOp::Kind::kRemove:
    case DiskOp::Kind::kMakeDirectory:
    case DiskOp::Kind::kSyncDirectory:
    case DiskOp::Kind::kList: return true;
    default: return false;
  }
}

off_t as_offset(uint64_t value) { return static_cast<off_t>(value); }

}  // namespace

Error disk_error(const DiskOp& op, const std::string& path, int number) {
  std::string text = str_cat(kind_name(op.kind), " ", path);
  switch (op.kind) {
    case DiskOp::Kind::kRead:
    case DiskOp::Kind::kWrite: text += str_cat(" at ", op.offset + op.progress); break;
    case DiskOp::Kind::kAllocate:
    case DiskOp::Kind::kPunch: text += str_cat(" at ", op.offset, ", ", op.length, " bytes"); break;
    case DiskOp::Kind::kTruncate: text += str_cat(" to ", op.length, " bytes"); break;
    case DiskOp::Kind::kRename: text += str_cat(" to ", op.path2); break;
    default: break;
  }
  return Error(code_of(number), str_cat(text, ": ", errno_text(number)));
}

uint64_t resume_transfer_at(uint64_t started, uint64_t done) {
  const uint64_t whole = round_down(done, kIoAlignment);
  return whole > started ? whole : done;
}

MutableByteSpan rest_to_read(const DiskOp& op) {
  const MutableByteSpan rest = op.read_into.subspan(op.progress);
  return rest.first(std::min(rest.size(), kLongestTransfer));
}

ByteSpan rest_to_write(const DiskOp& op) {
  const ByteSpan rest = op.write_from.subspan(op.progress);
  return rest.first(std::min(rest.size(), kLongestTransfer));
}

void check_alignment(const DiskOp& op) {
  const bool reads = op.kind == DiskOp::Kind::kRead;
  const auto memory = reinterpret_cast<uintptr_t>(reads ? op.read_into.data() : op.write_from.data());
  const size_t size = reads ? op.read_into.size() : op.write_from.size();
  CHECK((memory | op.offset | size) % kIoAlignment == 0);
}

int FileTable::descriptor(FileHandle file) const {
  const std::lock_guard lock(mutex_);
  const auto index = static_cast<size_t>(file.value());
  CHECK_MSG(index < files_.size() && files_[index].descriptor.valid(), "this file isn't open");
  return files_[index].descriptor.get();
}

Error FileTable::error(const DiskOp& op, int number) const {
  if (works_on_path(op.kind)) return disk_error(op, op.path, number);
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    path = files_[static_cast<size_t>(op.file.value())].path;
  }
  return disk_error(op, path, number);
}

Result<uint64_t> FileTable::outcome(const DiskOp& op, int returned) const {
  if (returned < 0) return error(op, errno);
  return uint64_t{0};
}

Result<uint64_t> FileTable::perform(DiskOp& op) {
  switch (op.kind) {
    case DiskOp::Kind::kOpen: return open(op);
    case DiskOp::Kind::kClose: return close(op);
    case DiskOp::Kind::kRead: return read(op);
    case DiskOp::Kind::kWrite: return write(op);
    case DiskOp::Kind::kSync: return outcome(op, fdatasync(descriptor(op.file)));
    case DiskOp::Kind::kAllocate:
      return outcome(op, fallocate(descriptor(op.file), 0, as_offset(op.offset), as_offset(op.length)));
    case DiskOp::Kind::kPunch:
      return outcome(op, fallocate(descriptor(op.file), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                   as_offset(op.offset), as_offset(op.length)));
    case DiskOp::Kind::kTruncate: return outcome(op, ftruncate(descriptor(op.file), as_offset(op.length)));
    case DiskOp::Kind::kRename: return outcome(op, ::rename(op.path.c_str(), op.path2.c_str()));
    case DiskOp::Kind::kRemove: return outcome(op, ::unlink(op.path.c_str()));
    case DiskOp::Kind::kMakeDirectory: return make_directory(op);
    case DiskOp::Kind::kSyncDirectory: return sync_directory(op);
    case DiskOp::Kind::kList: return list(op);
    case DiskOp::Kind::kDropCache: {
      const int number = posix_fadvise(descriptor(op.file), 0, 0, POSIX_FADV_DONTNEED);
      if (number != 0) return error(op, number);
      return uint64_t{0};
    }
    case DiskOp::Kind::kLock: return lock(op);
  }
  return error(op, EINVAL);
}

Result<uint64_t> FileTable::open(DiskOp& op) {
  op.file = kNoFile;
  int flags = O_CLOEXEC | (op.open.read_only ? O_RDONLY : O_RDWR);
  if (op.open.create) flags |= O_CREAT;
  if (op.open.create && op.open.exclusive) flags |= O_EXCL;
  Descriptor opened(::open(op.path.c_str(), flags | (op.open.direct ? O_DIRECT : 0), 0600));
  if (!opened.valid() && errno == EINVAL && op.open.direct) {
    // The file system has no direct I/O. The name may have been made by the refused call already.
    opened = Descriptor(::open(op.path.c_str(), flags & ~O_EXCL, 0600));
  }
  if (!opened.valid()) return error(op, errno);
  struct stat facts{};
  if (fstat(opened.get(), &facts) != 0) return error(op, errno);

  const std::lock_guard lock(mutex_);
  if (free_.empty()) {
    free_.push_back(static_cast<int32_t>(files_.size()));
    files_.emplace_back();
  }
  op.file = FileHandle(free_.back());
  free_.pop_back();
  files_[static_cast<size_t>(op.file.value())] = File{.descriptor = std::move(opened), .path = op.path};
  return static_cast<uint64_t>(facts.st_size);
}

Result<uint64_t> FileTable::close(const DiskOp& op) {
  int number = -1;
  {
    const std::lock_guard lock(mutex_);
    const auto index = static_cast<size_t>(op.file.value());
    CHECK_MSG(index < files_.size() && files_[index].descriptor.valid(), "this file isn't open");
    number = files_[index].descriptor.release();
  }
  // Linux gives the number back even if close() reports an error (EINTR, or EIO of lost writes).
  const int failed = ::close(number) == 0 || errno == EINTR ? 0 : errno;
  Result<uint64_t> result = failed == 0 ? Result<uint64_t>(uint64_t{0}) : error(op, failed);
  const std::lock_guard lock(mutex_);
  free_.push_back(op.file.value());
  return result;
}

Result<bool> FileTable::at_end(const DiskOp& op, uint64_t done) const {
  struct stat facts{};
  if (fstat(descriptor(op.file), &facts) != 0) return error(op, errno);
  return op.offset + done >= static_cast<uint64_t>(facts.st_size);
}

Result<uint64_t> FileTable::read(DiskOp& op) const {
  const int file = descriptor(op.file);
  op.progress = 0;
  while (op.progress < op.read_into.size()) {
    const MutableByteSpan rest = rest_to_read(op);
    const iovec piece{.iov_base = rest.data(), .iov_len = rest.size()};
    const ssize_t count = preadv2(file, &piece, 1, as_offset(op.offset + op.progress), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error(op, errno);
    const uint64_t done = op.progress + static_cast<uint64_t>(count);
    if (count == 0 || done == op.read_into.size()) return done;
    TRY_ASSIGN(const bool ended, at_end(op, done));
    if (ended) return done;
    op.progress = resume_transfer_at(op.progress, done);
  }
  return op.progress;
}

Result<uint64_t> FileTable::write(DiskOp& op) {
  const int file = descriptor(op.file);
  op.progress = 0;
  while (op.progress < op.write_from.size()) {
    const ByteSpan rest = rest_to_write(op);
    const iovec piece{.iov_base = const_cast<std::byte*>(rest.data()), .iov_len = rest.size()};
    const bool dsync = op.durable && has_dsync_.load();
    const ssize_t count =
        pwritev2(file, &piece, 1, as_offset(op.offset + op.progress), dsync ? RWF_DSYNC : 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EOPNOTSUPP && dsync) {
      has_dsync_.store(false);
      continue;
    }
    if (count < 0) return error(op, errno);
    const uint64_t done = op.progress + static_cast<uint64_t>(count);
    op.progress = done == op.write_from.size() ? done : resume_transfer_at(op.progress, done);
  }
  if (op.durable && !has_dsync_.load() && fdatasync(file) != 0) return error(op, errno);
  return uint64_t{op.write_from.size()};
}

Result<uint64_t> FileTable::make_directory(const DiskOp& op) const {
  if (::mkdir(op.path.c_str(), 0700) == 0) return uint64_t{0};
  const int number = errno;
  struct stat facts{};
  if (number == EEXIST && ::stat(op.path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) return uint64_t{0};
  return error(op, number);
}

Result<uint64_t> FileTable::sync_directory(const DiskOp& op) const {
  const Descriptor directory(::open(op.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return error(op, errno);
  return outcome(op, fsync(directory.get()));
}

Result<uint64_t> FileTable::list(DiskOp& op) const {
  struct CloseDirectory {
    void operator()(DIR* directory) const { closedir(directory); }
  };
  const std::unique_ptr<DIR, CloseDirectory> directory(opendir(op.path.c_str()));
  if (!directory) return error(op, errno);
  op.names.clear();
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(directory.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") op.names.emplace_back(name);
  }
  if (errno != 0) return error(op, errno);
  std::ranges::sort(op.names);
  return uint64_t{op.names.size()};
}

Result<uint64_t> FileTable::lock(const DiskOp& op) const {
  if (flock(descriptor(op.file), LOCK_EX | LOCK_NB) == 0) return uint64_t{0};
  if (errno != EWOULDBLOCK) return error(op, errno);
  return Error(ErrorCode::kFailedPrecondition,
               str_cat(error(op, errno).text(), " (another process has locked it)"));
}

}  // namespace revd::os

// Disk: asynchronous files. The seam between revd and storage.
//
// Three implementations pass the same tests (tests/base/disk_contract.h): io_uring and the
// helper-thread fallback (base/linux), and the simulated disk (tests/sim).
//
// Thread rule: one reactor thread; completions are delivered on it, never inside submit().
// Ownership: the caller owns the operation object and its buffer until on_done has been called.
// Units: bytes. Memory, offset and length of reads and writes are multiples of kIoAlignment (4096).
// Errors: kNotFound (no such file), kAlreadyExists, kResourceExhausted (disk full), kIo for the rest;
// the text names the operation, the path and the system's message.
// Durability: a write is durable only after a later sync of the same file, or if it was itself
// `durable`, has succeeded. A new, renamed or removed name is durable only after a
// sync_directory. After a failed sync or durable write, what it covered may be lost although the
// cache still shows it: never retry, stop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace revd {

using FileHandle = StrongId<struct FileHandleTag, int32_t>;
inline constexpr FileHandle kNoFile{-1};

struct DiskOp {
  enum class Kind : uint8_t {
    kOpen,           // path, open -> file; result: size in bytes
    kClose,          // file
    kRead,           // file, offset, read_into -> result: bytes read, short only at the end of file
    kWrite,          // file, offset, write_from, durable -> result: bytes written, always all
    kSync,           // file: data and size (fdatasync)
    kAllocate,       // file, offset, length: reserves blocks, grows the size
    kPunch,          // file, offset, length: gives blocks back, reads as zeros
    kTruncate,       // file, length: the new size
    kRename,         // path -> path2, replacing it
    kRemove,         // path
    kMakeDirectory,  // path; fine if it exists
    kSyncDirectory,  // path
    kList,           // path -> names, sorted, without "." and ".."
    kDropCache,      // file: forget clean cached pages, so that reads see the medium
    kLock,           // file: exclusive advisory lock; kFailedPrecondition if another process has it
  };
  struct OpenOptions {
    bool create = false;     // make it if it is missing (mode 0600)
    bool exclusive = false;  // with create: an existing one is kAlreadyExists
    bool direct = true;      // O_DIRECT, silently buffered where the file system refuses it
    bool read_only = false;
  };

  Kind kind = Kind::kRead;
  bool durable = false;
  OpenOptions open;
  FileHandle file = kNoFile;
  uint64_t offset = 0;
  uint64_t length = 0;
  MutableByteSpan read_into;
  ByteSpan write_from;
  std::string path;
  std::string path2;

  // Called once, on the reactor thread, when result is set; may destroy or reuse this operation.
  std::move_only_function<void()> on_done;

  // Set before on_done.
  Result<uint64_t> result = uint64_t{0};
  std::vector<std::string> names;  // kList

  // For the implementation while the operation is under way.
  DiskOp* next = nullptr;
  uint64_t progress = 0;
  uint64_t tag = 0;
};

class Disk {
 public:
  virtual ~Disk() = default;

  // Starts `op`. Operations may end in any order; who needs an order waits for on_done.
  virtual void submit(DiskOp& op) = 0;

  // Starts everything submitted since the last flush in one system call; the loop does so by
  // itself at the end of each round.
  virtual void flush() = 0;

  // Submits and blocks until `op` has ended; op.on_done isn't called. Completions of other
  // operations that arrive meanwhile are delivered later, in order. For opening, offline tools and
  // the rare miss that was not foreseen.
  virtual Result<uint64_t> wait(DiskOp& op) = 0;

  // Which implementation this is: "io_uring", "threads" or "simulated".
  virtual const char* name() const = 0;
};

// Blocking helpers over Disk::wait, for opening and for tools.
struct OpenedFile {
  FileHandle file = kNoFile;
  uint64_t size = 0;
};
Result<OpenedFile> open_file(Disk& disk, const std::string& path, DiskOp::OpenOptions options);
Status close_file(Disk& disk, FileHandle file);
// Reads exactly into.size() bytes; a shorter file is kDataLoss.
Status read_exactly(Disk& disk, FileHandle file, uint64_t offset, MutableByteSpan into);
Status write_fully(Disk& disk, FileHandle file, uint64_t offset, ByteSpan bytes, bool durable);
Status sync_file(Disk& disk, FileHandle file);
Status truncate_file(Disk& disk, FileHandle file, uint64_t size);
Status rename_file(Disk& disk, const std::string& from, const std::string& to);
Status remove_file(Disk& disk, const std::string& path);
Status make_directory(Disk& disk, const std::string& path);
Status sync_directory(Disk& disk, const std::string& path);
Result<std::vector<std::string>> list_directory(Disk& disk, const std::string& path);

}  // namespace revd

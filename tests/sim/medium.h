// SimMedium: a whole simulated disk at rest: files, names, what is pending, what is in flight, open
// handles. SimDisk is the moving part: it adds time and faults.
//
// Thread rule: one thread.
// Ownership: a value. A copy is a clone of everything, independent and cheap (files are shared until
// one side changes them), so that a crash can be explored from one run at every I/O and many times.
// Units: bytes; damage and loss happen in sectors of 512.
// Errors: as base/disk.h; texts name the operation and the path.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/random.h"
#include "tests/sim/file.h"
#include "tests/sim/names.h"

namespace revd {

// The change that an operation makes. While it is in flight a power cut may or may not find it done.
struct SimEffect {
  DiskOp::Kind kind = DiskOp::Kind::kRead;
  bool durable = false;
  SimFileId file;
  uint64_t offset = 0;
  uint64_t length = 0;
  SharedBytes bytes;  // kWrite
  std::string path;
  std::string path2;
  uint64_t covers = 0;  // kSync, kSyncDirectory: the newest change when it started
};

struct SimHandle {
  SimFileId file;
  std::string path;  // as it was opened, for texts
  DiskOp::OpenOptions options;
  uint64_t owner = 0;  // which process opened it
  bool locked = false;
};

struct SimCrashOptions {
  bool torn = true;      // sectors may be half new, half old
  bool garbage = false;  // sectors that were being written may hold random bytes
};

class SimMedium {
 public:
  // 0 is without limit. Counts blocks of 4 KiB, like statfs.
  uint64_t capacity_bytes = 0;

  // ---- Crashes.
  // The medium after a power cut now: for each operation in flight and each pending sector and name
  // chance decides. Draws a mood first (nothing survives, everything does, or a mixture), since
  // independent draws alone would never keep or lose everything of a large write.
  SimMedium crash(Random& random, const SimCrashOptions& options = {}) const;
  // What kill -9 of the process `owner` leaves: the page cache stays; operations in flight were done
  // or not. Other processes' handles stay open.
  void kill(uint64_t owner, Random& random);
  // Everything done so far becomes durable, as after a clean shutdown of the machine.
  void settle();

  // ---- For tests: direct access. Paths must exist.
  bool exists(const std::string& path) const;
  std::vector<std::string> files() const { return names_.files(); }
  std::vector<std::string> durable_files() const { return names_.durable_files(); }
  void make_directory(const std::string& path);  // durable
  uint64_t size(const std::string& path) const;
  std::string read(const std::string& path) const;          // as a process sees it
  std::string read_durable(const std::string& path) const;  // as the medium holds it
  // The following change cache and medium at once. overwrite makes the file if it is missing.
  void overwrite(const std::string& path, uint64_t offset, ByteSpan bytes);
  void flip(const std::string& path, uint64_t offset, std::byte mask);
  void truncate(const std::string& path, uint64_t size);
  void remove(const std::string& path);

  // ---- For SimDisk.
  uint64_t begin(SimEffect effect);  // the effect is in flight until end()
  void end(uint64_t token) { in_flight_.erase(token); }
  // Performs an effect that isn't kSync or kSyncDirectory and meets no fault.
  Result<uint64_t> apply(const SimEffect& effect);
  // The file itself, ours to change. Requires that it exists.
  SimFile& file(SimFileId id);
  const SimFile& file(SimFileId id) const { return *files_.at(id); }
  SimNames& names() { return names_; }
  const SimNames& names() const { return names_; }
  Result<SimFileId> open(const std::string& path, const DiskOp::OpenOptions& options);
  FileHandle add_handle(SimHandle handle);
  const SimHandle* handle(FileHandle file) const;  // null if it isn't open
  void close(FileHandle file);
  void close_all(uint64_t owner);
  Status lock(FileHandle file);
  // kResourceExhausted if `length` bytes at `offset` need more blocks than there are.
  Status room_for(SimFileId id, uint64_t offset, uint64_t length) const;
  uint64_t used_bytes() const;

 private:
  void collect();  // files that nothing refers to
  SimFileId find(const std::string& path) const;

  std::map<SimFileId, std::shared_ptr<SimFile>> files_;
  SimNames names_;
  std::map<uint64_t, SimEffect> in_flight_;
  std::map<FileHandle, SimHandle> handles_;
  uint64_t next_file_ = 1;
  uint64_t next_token_ = 1;
  int32_t next_handle_ = 1;
};

}  // namespace revd

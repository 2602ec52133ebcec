// SimFile: one file of a SimMedium: what a process sees of it (cached), what the medium holds
// (durable), and the ordered changes between the two (pending).
//
// A sync applies pending changes to the durable image; a power cut decides at random about each
// pending 512-byte sector, and keeps a prefix of the pending changes of size and allocation.
// Copyable: a copy is independent and costs little (file_image.h).
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "tests/sim/file_image.h"

namespace revd {

inline constexpr uint64_t kSectorBytes = 512;

using SharedBytes = std::shared_ptr<const std::vector<std::byte>>;

// What may happen to a pending sector at a power cut, drawn once per cut (SimMedium::crash).
// Per mille; what is left over is kept.
struct SimCrashOdds {
  uint32_t lost = 0;
  uint32_t torn = 0;     // a prefix of the new bytes, the rest old
  uint32_t garbage = 0;  // random bytes
  bool keep_all_metadata = false;
  bool lose_all_metadata = false;
};

class SimFile {
 public:
  // Where the bytes of a write go: to both, unless a fault says otherwise.
  struct Reach {
    bool cached = true;
    bool medium = true;
  };

  uint64_t size() const { return size_; }
  uint64_t durable_size() const { return durable_size_; }
  const FileImage& cached() const { return cached_; }
  const FileImage& durable() const { return durable_; }
  // The cache shows what the medium holds.
  bool settled() const { return pending_.empty() && !diverged_; }

  // Bytes read: short at the end of the file.
  uint64_t read(uint64_t offset, MutableByteSpan out) const;
  // As they were before the latest write to them; only if keep_stale was set by then.
  uint64_t read_stale(uint64_t offset, MutableByteSpan out) const;
  void keep_stale() { keep_stale_ = true; }

  void write(uint64_t offset, const SharedBytes& bytes, Reach reach);
  void write_durable(uint64_t offset, const SharedBytes& bytes);
  // The cache shows the bytes; of the medium's sectors each has them or not, at random.
  void write_durable_failed(uint64_t offset, const SharedBytes& bytes, Random& random);
  // A write that failed half-way: some sectors, in the cache and pending.
  void write_partly(uint64_t offset, const SharedBytes& bytes, Random& random);
  void truncate(uint64_t size);
  void allocate(uint64_t offset, uint64_t length);
  void punch(uint64_t offset, uint64_t length);

  // The number of the newest change so far: what a sync that starts now will cover.
  uint64_t latest_change() const { return next_change_ - 1; }
  void sync(uint64_t up_to);
  // Each sector it covered reached the medium or never will; none of it is pending any more.
  void sync_failed(uint64_t up_to, Random& random);
  // The cache forgets what isn't pending: reads see the medium, under what is pending.
  void drop_cache();
  void power_cut(Random& random, const SimCrashOdds& odds);

  // Damage, and direct manipulation by tests: cache and medium at once, nothing of it pending.
  void overwrite(uint64_t offset, ByteSpan bytes);
  void flip(uint64_t offset, std::byte mask);
  std::set<uint64_t>& bad_sectors() { return bad_sectors_; }  // by number; reads of them fail
  const std::set<uint64_t>& bad_sectors() const { return bad_sectors_; }

 private:
  enum class ChangeKind : uint8_t { kData, kGrow, kTruncate, kReserve, kPunch };
  struct Change {
    uint64_t number = 0;  // ascending; both halves of a split change keep it
    ChangeKind kind = ChangeKind::kData;
    uint64_t offset = 0;
    uint64_t length = 0;  // kGrow, kTruncate: the size
    SharedBytes bytes;    // kData: [first, first + length) of them
    size_t first = 0;
    uint64_t end() const { return offset + length; }
    ByteSpan data() const { return ByteSpan(*bytes).subspan(first, length); }
  };

  void show(uint64_t offset, ByteSpan bytes);
  void add_pending(ChangeKind kind, uint64_t offset, uint64_t length, SharedBytes bytes = {});
  static void apply(const Change& change, FileImage& image, uint64_t& size);
  // Applies the pending changes of size and allocation; data that they wiped goes.
  void commit_metadata();
  bool needs_metadata(uint64_t offset, uint64_t end) const;
  // Forgets pending data in [from, to), of the first `count` changes.
  void trim(uint64_t from, uint64_t to, size_t count);
  static void keep_sectors(const Change& change, FileImage& image, Random& random, const SimCrashOdds& odds);
  static bool changes_data(const Change& change) { return change.kind == ChangeKind::kData; }

  FileImage cached_;
  FileImage durable_;
  FileImage stale_;
  uint64_t size_ = 0;
  uint64_t durable_size_ = 0;
  uint64_t next_change_ = 1;
  bool keep_stale_ = false;
  bool diverged_ = false;  // the cache shows bytes that are neither durable nor pending
  std::vector<Change> pending_;
  std::set<uint64_t> bad_sectors_;
};

}  // namespace revd

// Backup: everything in a Backend's trees at one entry, as a stream of hashed frames.
//
// The stream is logical: (tree, key, value) in order, compressed frame by frame, so that a restored file is
// packed and a backup doesn't depend on how pages are laid out. Writes go on meanwhile; the source pins
// one snapshot, within the limits that BackendConfig sets for snapshots.
// Thread rule: the reactor thread. Errors: kDataLoss (damaged or cut stream, a damaged page; never a wrong
// entry), kAborted ("snapshot expired"), kWouldBlock (non-blocking source: load missing(), repeat).
// Limits: a frame carries about 1 MiB of entries (more if one entry is larger); kBackupFrameBytesMax.
// Format: engine/README.md, "Backup stream".
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "engine/backend.h"

namespace revd {

inline constexpr uint32_t kBackupVersion = 1;
inline constexpr size_t kBackupFrameHeadBytes = 32;
inline constexpr size_t kBackupFrameBytesMax = size_t{1} << 30;  // stored or raw, head excluded

struct BackupTree {
  std::string name;
  uint32_t leaf_page_bytes = 0;
  uint64_t key_count = 0;
};

struct BackupInfo {
  Uuid backup;  // of this stream; seeds its hashes
  Uuid source_file;
  ClusterId cluster;
  NodeId node;
  AppliedPosition applied;
  std::vector<BackupTree> trees;
};

// What the trailer says, and what a reader counted.
struct BackupTotals {
  uint64_t entries = 0;
  uint64_t raw_bytes = 0;  // of keys and values
  uint64_t frames = 0;     // without the trailer
};

// Produces the stream: header, entries, trailer.
class BackupSource {
 public:
  BackupSource(Env& env, Backend& backend, ReadMode mode = ReadMode::kBlocking);
  ~BackupSource();

  // Replaces `frame` by the stream's next one. False when the trailer was handed out before.
  Result<bool> next(std::string& frame);
  // After kWouldBlock.
  const PageRequest& missing() const;
  const BackupInfo& info() const { return info_; }
  const BackupTotals& totals() const { return totals_; }

 private:
  Status fill();
  void seal(uint8_t kind, std::string_view raw, std::string& frame);

  BackupInfo info_;
  BackupTotals totals_;
  Snapshot snapshot_;
  ReadMode mode_;
  std::vector<TreeId> trees_;
  size_t tree_ = 0;               // whose entries are being read
  std::optional<Cursor> cursor_;  // in it
  bool seeking_ = false;          // the cursor's first step isn't done
  bool stepping_ = false;         // its next step isn't
  std::string pending_;           // entries of the frame being filled
  uint64_t sequence_ = 0;
  uint64_t chain_ = 0;  // hash of all frames so far
  enum class Stage : uint8_t { kHeader, kEntries, kTrailer, kEnd } stage_ = Stage::kHeader;
};

// Takes a stream apart, one whole frame at a time, and checks all of it.
class BackupReader {
 public:
  struct Visitor {
    std::function<Status(const BackupInfo&)> on_header;
    // `tree` indexes BackupInfo::trees; keys ascend within a tree, trees come in order.
    std::function<Status(size_t tree, std::string_view key, std::string_view value)> on_entry;
  };
  explicit BackupReader(Visitor visitor);

  // How many bytes follow a frame's head. kDataLoss for anything but a head.
  static Result<size_t> body_bytes(ByteSpan head);
  // A frame with its head. Entries are handed out only after the frame's hash was checked.
  Status feed(ByteSpan frame);
  // Whether the trailer came and agreed with everything before it.
  bool complete() const { return complete_; }
  const BackupInfo& info() const { return info_; }
  const BackupTotals& totals() const { return totals_; }

 private:
  Status header(ByteSpan raw);
  Status entries(ByteSpan raw);
  Status trailer(ByteSpan raw);

  Visitor visitor_;
  BackupInfo info_;
  BackupTotals totals_;
  std::vector<uint64_t> counts_;  // entries seen of each tree
  std::string last_key_;
  size_t tree_ = 0;
  uint64_t sequence_ = 0;
  uint64_t chain_ = 0;
  bool complete_ = false;
};

// Where a stream comes from: replaces `bytes` by exactly `count` more bytes, or an error if it ends.
using BackupBytes = std::function<Status(size_t count, std::string& bytes)>;

struct RestoreOptions {
  ClusterId cluster_id{1};  // of the new log: a restored directory never joins its old group
  NodeId node_id{1};
  // Called while the stream is read, with the entries so far.
  std::function<void(const BackupTotals&)> on_progress;
  // Called on the loaded trees before they are checkpointed, e.g. to raise a revision.
  std::function<Status(btree::PageFile&, const BackupInfo&)> finish;
};

// Blocks. Makes config.data_dir (which must not exist or be empty) out of a stream: a fresh log that begins
// after the backup's last entry, and a packed page file under a temporary name, loaded, checkpointed,
// verified, synced and only then renamed. A directory where this was cut short has no page file and is
// refused at opening. kAlreadyExists if the directory has anything in it.
Result<BackupTotals> restore_backup(Env& env, const BackendConfig& config, const RestoreOptions& options,
                                    const BackupBytes& read);

// Blocks. Reads a whole stream and checks it.
Result<BackupInfo> check_backup(const BackupBytes& read, BackupTotals& totals);

}  // namespace revd

// The log's bytes: segment header, batch, records, hard state. Byte diagrams: wal/README.md.
//
// Pure functions over caller-owned memory; any thread. Decoders take bytes from a disk, check every
// bound and answer with an error or nullopt; they never trust a length. Lengths are bytes; a segment
// and a batch are whole blocks of kBlockBytes. Sequences number batches through all segments, from 1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace revd::wal {

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr size_t kBlockBytes = 4096;      // what is written at once, and never again once acknowledged
inline constexpr size_t kBatchHeaderBytes = 72;  // records follow
inline constexpr size_t kRecordHeadBytes = 8;    // kind, type, length
inline constexpr size_t kEntryBodyBytes = 24;    // term, index, log time; the payload follows
inline constexpr uint64_t kMaxBatchBytes = 32 << 20;
inline constexpr uint64_t kMinSegmentBytes = 8 * kBlockBytes;
inline constexpr uint64_t kMaxSegmentBytes = uint64_t{1} << 32;

enum class EntryType : uint8_t { kNoop = 1, kCommand = 2, kConfiguration = 3, kNotice = 4 };

// One entry. The log knows type, term and index; the payload is opaque and borrowed.
struct Entry {
  EntryType type = EntryType::kNoop;
  Term term;
  LogIndex index;
  LogTime time;
  ByteSpan payload;
};

// An entry's place and the term it was written in; {0, 0} lies before the first entry.
struct LogPosition {
  LogIndex index;
  Term term;
  friend bool operator==(const LogPosition&, const LogPosition&) = default;
};

struct LogIdentity {
  Uuid log;
  ClusterId cluster;
  NodeId node;
  friend bool operator==(const LogIdentity&, const LogIdentity&) = default;
};

// Entries above `last` are gone.
struct CutTail {
  LogPosition last;
};
// The last record of a segment: the log goes on in segment `number`, whose header carries `salt`.
struct Successor {
  uint64_t number = 0;
  uint64_t salt = 0;
};
// Page file `file` has a durable superblock `checkpoint`, made after `predecessor`.
struct CheckpointRecord {
  Uuid file;
  uint64_t checkpoint = 0;
  uint64_t predecessor = 0;
  friend bool operator==(const CheckpointRecord&, const CheckpointRecord&) = default;
};
// From here on the state is page file `file`, a snapshot that holds everything up to `last`. The
// entries above `last` stay if `tail_kept`, else the log restarts empty at last.index + 1.
struct SnapshotSwitch {
  Uuid file;
  uint64_t superblock = 0;
  LogPosition last;
  LogTime time;
  bool tail_kept = false;
  friend bool operator==(const SnapshotSwitch&, const SnapshotSwitch&) = default;
};
using Record = std::variant<Entry, CutTail, Successor, CheckpointRecord, SnapshotSwitch>;

// ---- Segment header: the first block of a segment file. ----
struct SegmentHeader {
  LogIdentity identity;
  uint64_t segment_bytes = 0;  // of the whole file, this block included
  uint64_t number = 0;
  uint64_t salt = 0;            // seed of every checksum in this segment's batches; fresh at each reuse
  uint64_t previous_hash = 0;   // of the batch before the first one here; 0 in a new log
  uint64_t first_sequence = 0;  // of the first batch here
  LogPosition base;             // the last entry before this segment
};
void encode_segment_header(const SegmentHeader& header, MutableByteSpan block);
// nullopt for anything but an intact header of this version.
std::optional<SegmentHeader> decode_segment_header(ByteSpan block);

// ---- Batch: one disk write. ----
struct BatchHeader {
  uint32_t record_count = 0;
  uint32_t bytes_used = 0;  // header and records, without the padding
  uint32_t blocks = 0;
  uint64_t log = 0;  // short form of the log's uuid
  uint64_t sequence = 0;
  uint64_t previous_hash = 0;  // the checksum of batch sequence - 1
  uint64_t acknowledged = 0;   // the highest sequence known durable when this batch was written
  LogIndex commit;             // hint
  uint64_t run = 0;            // random, drawn at each open
  uint64_t checksum = 0;  // xxh3-64, seeded with the segment's salt, over all blocks with this field zero
};
// Writes `header` into the front of `batch` (whole blocks, records and zero padding in place),
// computes the checksum with `salt` and returns it. header.checksum and header.blocks are ignored.
uint64_t seal_batch(const BatchHeader& header, uint64_t salt, MutableByteSpan batch);
// Decodes a header from at least kBatchHeaderBytes; nullopt unless magic and lengths make sense and the
// batch ends within `room` bytes. Says nothing about the checksum.
std::optional<BatchHeader> decode_batch_header(ByteSpan bytes, uint64_t room);
// The checksum that `batch` (exactly its blocks) should carry.
uint64_t batch_checksum(ByteSpan batch, uint64_t salt);

// ---- Records: the content of a batch, back to back. ----
constexpr size_t entry_record_bytes(size_t payload) { return kRecordHeadBytes + kEntryBodyBytes + payload; }
size_t record_bytes(const Record& record);
// Writes `record` to `to`, which has record_bytes() room; returns that count.
size_t encode_record(const Record& record, std::byte* to);

// Walks over the records of a batch: `records` are the bytes [kBatchHeaderBytes, bytes_used).
class RecordReader {
 public:
  RecordReader(ByteSpan records, uint32_t count) : rest_(records), left_(count) {}
  // The next record, whose payload borrows from the input; nullopt after the last one. kDataLoss if
  // the bytes are malformed.
  Result<std::optional<Record>> next();

 private:
  ByteReader rest_;
  uint32_t left_;
};

// ---- Hard state: one block, in two files. ----
struct HardState {
  Term term;
  NodeId vote;      // in `term`; 0 = none
  LogIndex commit;  // hint
  friend bool operator==(const HardState&, const HardState&) = default;
};
struct HardStateCopy {
  Uuid log;
  uint64_t sequence = 0;  // grows with each write
  HardState state;
};
void encode_hard_state(const HardStateCopy& copy, MutableByteSpan block);
std::optional<HardStateCopy> decode_hard_state(ByteSpan block);

// ---- File names inside the log's directory. ----
inline constexpr const char* kHardStateNames[2] = {"hard-state.a", "hard-state.b"};
std::string segment_name(uint64_t number);       // 0000000000000001.wal
std::string spare_name(uint64_t id);             // spare-0000000000000001: whole, written, synced
std::string unfinished_spare_name(uint64_t id);  // new-0000000000000001: removed at open
std::optional<uint64_t> parse_segment_name(std::string_view name);
std::optional<uint64_t> parse_spare_name(std::string_view name);
std::optional<uint64_t> parse_unfinished_spare_name(std::string_view name);

}  // namespace revd::wal

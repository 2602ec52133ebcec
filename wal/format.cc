#include "wal/format.h"

#include <algorithm>

#include "base/hash.h"
#include "base/strings.h"

namespace revd::wal {

namespace {

constexpr uint64_t kSegmentMagic = 0x6c61772d64766572;    // "revd-wal"
constexpr uint64_t kHardStateMagic = 0x7473682d64766572;  // "revd-hst"
constexpr uint32_t kBatchMagic = 0x42577672;              // "rvWB"
constexpr size_t kBlockChecksumAt = kBlockBytes - 8;
constexpr size_t kBatchChecksumAt = 64;

enum class RecordKind : uint8_t {
  kEntry = 1,
  kCutTail = 2,
  kSuccessor = 3,
  kCheckpoint = 4,
  kSnapshotSwitch = 5,
};

constexpr size_t kCutTailBytes = 16;
constexpr size_t kSuccessorBytes = 16;
constexpr size_t kCheckpointBytes = 32;
constexpr size_t kSnapshotSwitchBytes = 56;

// Writes fixed fields one after the other into memory that is known to be large enough.
class FieldWriter {
 public:
  explicit FieldWriter(std::byte* to) : to_(to) {}
  template <std::integral T>
  FieldWriter& put(T value) {
    store_le(to_, value);
    to_ += sizeof(T);
    return *this;
  }
  FieldWriter& put(const Uuid& id) {
    std::ranges::copy(id.bytes, to_);
    to_ += id.bytes.size();
    return *this;
  }

 private:
  std::byte* to_;
};

// A block of fields ends with a checksum over everything before it.
void finish_block(MutableByteSpan block) {
  store_le(block.data() + kBlockChecksumAt, xxh3_64(block.first(kBlockChecksumAt)));
}
bool block_is_intact(ByteSpan block) {
  return block.size() == kBlockBytes &&
         load_le<uint64_t>(block.data() + kBlockChecksumAt) == xxh3_64(block.first(kBlockChecksumAt));
}

struct BodyBytes {
  size_t operator()(const Entry& entry) const { return kEntryBodyBytes + entry.payload.size(); }
  size_t operator()(const CutTail&) const { return kCutTailBytes; }
  size_t operator()(const Successor&) const { return kSuccessorBytes; }
  size_t operator()(const CheckpointRecord&) const { return kCheckpointBytes; }
  size_t operator()(const SnapshotSwitch&) const { return kSnapshotSwitchBytes; }
};

struct KindOf {
  RecordKind operator()(const Entry&) const { return RecordKind::kEntry; }
  RecordKind operator()(const CutTail&) const { return RecordKind::kCutTail; }
  RecordKind operator()(const Successor&) const { return RecordKind::kSuccessor; }
  RecordKind operator()(const CheckpointRecord&) const { return RecordKind::kCheckpoint; }
  RecordKind operator()(const SnapshotSwitch&) const { return RecordKind::kSnapshotSwitch; }
};

struct BodyEncoder {
  std::byte* to;
  void operator()(const Entry& entry) const {
    FieldWriter(to).put(entry.term.value()).put(entry.index.value()).put(entry.time.value());
    std::ranges::copy(entry.payload, to + kEntryBodyBytes);
  }
  void operator()(const CutTail& cut) const {
    FieldWriter(to).put(cut.last.index.value()).put(cut.last.term.value());
  }
  void operator()(const Successor& next) const { FieldWriter(to).put(next.number).put(next.salt); }
  void operator()(const CheckpointRecord& record) const {
    FieldWriter(to).put(record.file).put(record.checkpoint).put(record.predecessor);
  }
  void operator()(const SnapshotSwitch& record) const {
    FieldWriter(to)
        .put(record.file)
        .put(record.superblock)
        .put(record.last.index.value())
        .put(record.last.term.value())
        .put(record.time.value())
        .put(uint64_t{record.tail_kept});
  }
};

LogPosition read_position(ByteReader& reader) {
  LogPosition position;
  position.index = LogIndex(reader.u64());
  position.term = Term(reader.u64());
  return position;
}

// `body` is exactly the record's body. nullopt: malformed.
std::optional<Record> decode_body(RecordKind kind, uint8_t type, ByteSpan body) {
  ByteReader reader(body);
  if ((type != 0) != (kind == RecordKind::kEntry)) return std::nullopt;
  std::optional<Record> record;
  switch (kind) {
    case RecordKind::kEntry: {
      if (type > static_cast<uint8_t>(EntryType::kNotice)) return std::nullopt;
      Entry entry{.type = EntryType{type},
                  .term = Term(reader.u64()),
                  .index = LogIndex(reader.u64()),
                  .time = LogTime(reader.i64()),
                  .payload = {}};
      entry.payload = reader.take(reader.remaining());
      record = entry;
      break;
    }
    case RecordKind::kCutTail: record = CutTail{read_position(reader)}; break;
    case RecordKind::kSuccessor: {
      const uint64_t number = reader.u64();
      record = Successor{.number = number, .salt = reader.u64()};
      break;
    }
    case RecordKind::kCheckpoint: {
      CheckpointRecord checkpoint{.file = reader.uuid()};
      checkpoint.checkpoint = reader.u64();
      checkpoint.predecessor = reader.u64();
      record = checkpoint;
      break;
    }
    case RecordKind::kSnapshotSwitch: {
      SnapshotSwitch snapshot{.file = reader.uuid(), .superblock = reader.u64(), .last = {}, .time = {}};
      snapshot.last = read_position(reader);
      snapshot.time = LogTime(reader.i64());
      const uint64_t flags = reader.u64();
      if (flags > 1) return std::nullopt;
      snapshot.tail_kept = flags == 1;
      record = snapshot;
      break;
    }
    default: return std::nullopt;
  }
  if (!reader.finished()) return std::nullopt;
  return record;
}

std::optional<uint64_t> parse_hex16(std::string_view digits) {
  if (digits.size() != 16) return std::nullopt;
  uint64_t value = 0;
  for (const char c : digits) {
    if (c >= '0' && c <= '9')
      value = value * 16 + static_cast<uint64_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      value = value * 16 + static_cast<uint64_t>(c - 'a' + 10);
    else
      return std::nullopt;
  }
  return value;
}

std::optional<uint64_t> parse_prefixed(std::string_view prefix, std::string_view name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  return parse_hex16(name.substr(prefix.size()));
}

constexpr std::string_view kSegmentSuffix = ".wal";
constexpr std::string_view kSparePrefix = "spare-";
constexpr std::string_view kUnfinishedPrefix = "new-";

}  // namespace

void encode_segment_header(const SegmentHeader& header, MutableByteSpan block) {
  CHECK(block.size() == kBlockBytes);
  std::ranges::fill(block, std::byte{0});
  FieldWriter(block.data())
      .put(kSegmentMagic)
      .put(kFormatVersion)
      .put(uint32_t{kBlockBytes})
      .put(header.segment_bytes)
      .put(header.identity.log)
      .put(header.identity.cluster.value())
      .put(header.identity.node.value())
      .put(header.number)
      .put(header.salt)
      .put(header.previous_hash)
      .put(header.first_sequence)
      .put(header.base.index.value())
      .put(header.base.term.value());
  finish_block(block);
}

std::optional<SegmentHeader> decode_segment_header(ByteSpan block) {
  if (!block_is_intact(block)) return std::nullopt;
  ByteReader reader(block);
  if (reader.u64() != kSegmentMagic) return std::nullopt;
  if (reader.u32() != kFormatVersion || reader.u32() != kBlockBytes) return std::nullopt;
  SegmentHeader header;
  header.segment_bytes = reader.u64();
  header.identity.log = reader.uuid();
  header.identity.cluster = ClusterId(reader.u64());
  header.identity.node = NodeId(reader.u64());
  header.number = reader.u64();
  header.salt = reader.u64();
  header.previous_hash = reader.u64();
  header.first_sequence = reader.u64();
  header.base = read_position(reader);
  const bool plausible = reader.ok() && header.segment_bytes >= kMinSegmentBytes &&
                         header.segment_bytes <= kMaxSegmentBytes && header.segment_bytes % kBlockBytes == 0;
  if (!plausible) return std::nullopt;
  return header;
}

uint64_t seal_batch(const BatchHeader& header, uint64_t salt, MutableByteSpan batch) {
  CHECK(!batch.empty() && batch.size() % kBlockBytes == 0 && header.bytes_used <= batch.size());
  FieldWriter(batch.data())
      .put(kBatchMagic)
      .put(header.record_count)
      .put(header.bytes_used)
      .put(static_cast<uint32_t>(batch.size() / kBlockBytes))
      .put(header.log)
      .put(header.sequence)
      .put(header.previous_hash)
      .put(header.acknowledged)
      .put(header.commit.value())
      .put(header.run)
      .put(uint64_t{0});
  const uint64_t checksum = xxh3_64(batch, salt);
  store_le(batch.data() + kBatchChecksumAt, checksum);
  return checksum;
}

std::optional<BatchHeader> decode_batch_header(ByteSpan bytes, uint64_t room) {
  ByteReader reader(bytes);
  if (reader.u32() != kBatchMagic) return std::nullopt;
  BatchHeader header;
  header.record_count = reader.u32();
  header.bytes_used = reader.u32();
  header.blocks = reader.u32();
  header.log = reader.u64();
  header.sequence = reader.u64();
  header.previous_hash = reader.u64();
  header.acknowledged = reader.u64();
  header.commit = LogIndex(reader.u64());
  header.run = reader.u64();
  header.checksum = reader.u64();
  const uint64_t length = uint64_t{header.blocks} * kBlockBytes;
  const bool plausible = reader.ok() && length <= std::min(room, kMaxBatchBytes) &&
                         header.bytes_used >= kBatchHeaderBytes && header.bytes_used <= length &&
                         length - header.bytes_used < kBlockBytes;
  if (!plausible) return std::nullopt;
  return header;
}

uint64_t batch_checksum(ByteSpan batch, uint64_t salt) {
  CHECK(batch.size() >= kBatchHeaderBytes);
  StreamingHash hash(salt);
  constexpr std::byte kZero[8] = {};
  hash.update(batch.first(kBatchChecksumAt));
  hash.update(kZero);
  hash.update(batch.subspan(kBatchChecksumAt + sizeof kZero));
  return hash.digest();
}

size_t record_bytes(const Record& record) { return kRecordHeadBytes + std::visit(BodyBytes{}, record); }

size_t encode_record(const Record& record, std::byte* to) {
  const auto* entry = std::get_if<Entry>(&record);
  const size_t body = std::visit(BodyBytes{}, record);
  FieldWriter(to)
      .put(static_cast<uint8_t>(std::visit(KindOf{}, record)))
      .put(entry == nullptr ? uint8_t{0} : static_cast<uint8_t>(entry->type))
      .put(uint16_t{0})
      .put(static_cast<uint32_t>(body));
  std::visit(BodyEncoder{to + kRecordHeadBytes}, record);
  return kRecordHeadBytes + body;
}

Result<std::optional<Record>> RecordReader::next() {
  if (left_ == 0) {
    if (rest_.remaining() != 0) return Error(ErrorCode::kDataLoss, "bytes after the last record");
    return std::optional<Record>();
  }
  --left_;
  const uint8_t kind = rest_.u8();
  const uint8_t type = rest_.u8();
  const uint16_t reserved = rest_.u16();
  const uint32_t length = rest_.u32();
  const ByteSpan body = rest_.take(length);
  if (!rest_.ok() || reserved != 0) return Error(ErrorCode::kDataLoss, "malformed record head");
  std::optional<Record> record = decode_body(RecordKind{kind}, type, body);
  if (!record) return Error(ErrorCode::kDataLoss, str_cat("malformed record of kind ", unsigned{kind}));
  return record;
}

void encode_hard_state(const HardStateCopy& copy, MutableByteSpan block) {
  CHECK(block.size() == kBlockBytes);
  std::ranges::fill(block, std::byte{0});
  FieldWriter(block.data())
      .put(kHardStateMagic)
      .put(kFormatVersion)
      .put(uint32_t{0})
      .put(copy.log)
      .put(copy.sequence)
      .put(copy.state.term.value())
      .put(copy.state.vote.value())
      .put(copy.state.commit.value());
  finish_block(block);
}

std::optional<HardStateCopy> decode_hard_state(ByteSpan block) {
  if (!block_is_intact(block)) return std::nullopt;
  ByteReader reader(block);
  if (reader.u64() != kHardStateMagic) return std::nullopt;
  if (reader.u32() != kFormatVersion || reader.u32() != 0) return std::nullopt;
  HardStateCopy copy;
  copy.log = reader.uuid();
  copy.sequence = reader.u64();
  copy.state.term = Term(reader.u64());
  copy.state.vote = NodeId(reader.u64());
  copy.state.commit = LogIndex(reader.u64());
  return copy;
}

std::string segment_name(uint64_t number) { return str_cat(to_hex(number), kSegmentSuffix); }
std::string spare_name(uint64_t id) { return str_cat(kSparePrefix, to_hex(id)); }
std::string unfinished_spare_name(uint64_t id) { return str_cat(kUnfinishedPrefix, to_hex(id)); }

std::optional<uint64_t> parse_segment_name(std::string_view name) {
  if (!name.ends_with(kSegmentSuffix)) return std::nullopt;
  return parse_hex16(name.substr(0, name.size() - kSegmentSuffix.size()));
}
std::optional<uint64_t> parse_spare_name(std::string_view name) { return parse_prefixed(kSparePrefix, name); }
std::optional<uint64_t> parse_unfinished_spare_name(std::string_view name) {
  return parse_prefixed(kUnfinishedPrefix, name);
}

}  // namespace revd::wal

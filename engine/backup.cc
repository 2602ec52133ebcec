#include "engine/backup.h"

#include <zstd.h>

#include "base/strings.h"

namespace revd {

namespace {

constexpr uint32_t kMagic = 0x4b425652;  // "RVBK"
constexpr size_t kFrameTarget = size_t{1} << 20;
constexpr size_t kChecksumOffset = 24;
constexpr int kZstdLevel = 1;

enum class FrameKind : uint8_t { kHeader = 1, kEntries = 2, kTrailer = 3 };
enum class FrameCodec : uint8_t { kRaw = 0, kZstd = 1 };

struct FrameHead {
  uint8_t kind = 0;
  uint8_t codec = 0;
  uint32_t stored_bytes = 0;
  uint32_t raw_bytes = 0;
  uint64_t sequence = 0;
  uint64_t checksum = 0;
};

Error damaged(std::string_view what) { return {ErrorCode::kDataLoss, str_cat("backup stream: ", what)}; }

Result<FrameHead> decode_head(ByteSpan bytes) {
  ByteReader reader(bytes);
  const uint32_t magic = reader.u32();
  FrameHead head;
  head.kind = reader.u8();
  head.codec = reader.u8();
  const uint16_t version = reader.u16();
  head.stored_bytes = reader.u32();
  head.raw_bytes = reader.u32();
  head.sequence = reader.u64();
  head.checksum = reader.u64();
  if (!reader.ok() || magic != kMagic) return damaged("this is no frame of a backup");
  if (version != kBackupVersion)
    return damaged(str_cat("version ", version, "; this program reads version ", kBackupVersion));
  if (head.stored_bytes > kBackupFrameBytesMax || head.raw_bytes > kBackupFrameBytesMax || head.codec > 1 ||
      (head.codec == 0 && head.stored_bytes != head.raw_bytes))
    return damaged("a frame's head is wrong");
  return head;
}

// Over the head up to the checksum, and the body; seeded by everything before, so that no frame can be
// left out, doubled or moved.
uint64_t frame_checksum(ByteSpan frame, uint64_t chain) {
  StreamingHash hash(chain);
  hash.update(frame.first(kChecksumOffset));
  hash.update(frame.subspan(kBackupFrameHeadBytes));
  return hash.digest();
}

std::string encode_info(const BackupInfo& info) {
  std::string out;
  ByteWriter writer(out);
  writer.uuid(info.backup);
  writer.uuid(info.source_file);
  writer.u64(info.cluster.value());
  writer.u64(info.node.value());
  writer.u64(info.applied.index.value());
  writer.u64(info.applied.term.value());
  writer.i64(info.applied.log_time.value());
  writer.varint(info.trees.size());
  for (const BackupTree& tree : info.trees) {
    writer.length_prefixed(tree.name);
    writer.u32(tree.leaf_page_bytes);
    writer.varint(tree.key_count);
  }
  return out;
}

Result<BackupInfo> decode_info(ByteSpan raw) {
  ByteReader reader(raw);
  BackupInfo info;
  info.backup = reader.uuid();
  info.source_file = reader.uuid();
  info.cluster = ClusterId(reader.u64());
  info.node = NodeId(reader.u64());
  info.applied.index = LogIndex(reader.u64());
  info.applied.term = Term(reader.u64());
  info.applied.log_time = LogTime(reader.i64());
  const uint64_t count = reader.varint();
  if (count > btree::kMaxTrees) return damaged("too many trees");
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    BackupTree tree;
    tree.name = reader.length_prefixed();
    tree.leaf_page_bytes = reader.u32();
    tree.key_count = reader.varint();
    info.trees.push_back(std::move(tree));
  }
  if (!reader.finished()) return damaged("a malformed header");
  return info;
}

}  // namespace

// ---- Source.

BackupSource::BackupSource(Env& env, Backend& backend, ReadMode mode)
    : snapshot_(backend.snapshot()), mode_(mode) {
  info_.backup = env.random.uuid();
  info_.source_file = backend.page_file().uuid();
  info_.cluster = backend.log().identity().cluster;
  info_.node = backend.log().identity().node;
  info_.applied = snapshot_.applied();
  for (const btree::TreeEntry& tree : backend.page_file().trees()) {
    info_.trees.push_back(
        {.name = tree.name, .leaf_page_bytes = tree.leaf_page_bytes, .key_count = tree.key_count});
    trees_.push_back(tree.id);
  }
}

BackupSource::~BackupSource() = default;

const PageRequest& BackupSource::missing() const {
  return cursor_ ? cursor_->missing() : snapshot_.missing();
}

Result<bool> BackupSource::next(std::string& frame) {
  switch (stage_) {
    case Stage::kHeader:
      seal(static_cast<uint8_t>(FrameKind::kHeader), encode_info(info_), frame);
      stage_ = Stage::kEntries;
      return true;
    case Stage::kEntries:
      TRY(fill());
      if (!pending_.empty()) {
        seal(static_cast<uint8_t>(FrameKind::kEntries), pending_, frame);
        pending_.clear();
        return true;
      }
      stage_ = Stage::kTrailer;
      [[fallthrough]];
    case Stage::kTrailer: {
      std::string raw;
      ByteWriter writer(raw);
      writer.u64(totals_.frames);
      writer.u64(totals_.entries);
      writer.u64(totals_.raw_bytes);
      seal(static_cast<uint8_t>(FrameKind::kTrailer), raw, frame);
      --totals_.frames;  // counts what came before it
      stage_ = Stage::kEnd;
      return true;
    }
    case Stage::kEnd: return false;
  }
  return false;
}

// Fills pending_ up to a frame. Every step can be repeated after kWouldBlock.
Status BackupSource::fill() {
  while (tree_ < trees_.size() && pending_.size() < kFrameTarget) {
    if (!cursor_) {
      TRY_ASSIGN(Cursor cursor, snapshot_.cursor(trees_[tree_], mode_));
      cursor_.emplace(std::move(cursor));
      seeking_ = true;
    }
    if (seeking_) TRY(cursor_->seek_first());
    seeking_ = false;
    if (stepping_) TRY(cursor_->next());
    stepping_ = false;
    if (!cursor_->valid()) {
      cursor_.reset();
      ++tree_;
      continue;
    }
    TRY_ASSIGN(const std::string_view value, cursor_->value());
    ByteWriter writer(pending_);
    writer.varint(tree_);
    writer.length_prefixed(cursor_->key());
    writer.length_prefixed(value);
    ++totals_.entries;
    totals_.raw_bytes += cursor_->key().size() + value.size();
    stepping_ = true;
  }
  return {};
}

void BackupSource::seal(uint8_t kind, std::string_view raw, std::string& frame) {
  FrameCodec codec = FrameCodec::kZstd;
  std::string body(ZSTD_compressBound(raw.size()), '\0');
  const size_t compressed = ZSTD_compress(body.data(), body.size(), raw.data(), raw.size(), kZstdLevel);
  if (ZSTD_isError(compressed) != 0 || compressed >= raw.size()) {
    codec = FrameCodec::kRaw;
    body = raw;
  } else {
    body.resize(compressed);
  }
  frame.clear();
  ByteWriter writer(frame);
  writer.u32(kMagic);
  writer.u8(kind);
  writer.u8(static_cast<uint8_t>(codec));
  writer.u16(static_cast<uint16_t>(kBackupVersion));
  writer.u32(static_cast<uint32_t>(body.size()));
  writer.u32(static_cast<uint32_t>(raw.size()));
  writer.u64(sequence_++);
  writer.u64(0);
  writer.raw(body);
  chain_ = frame_checksum(as_bytes(frame), chain_);
  store_le(reinterpret_cast<std::byte*>(frame.data()) + kChecksumOffset, chain_);
  ++totals_.frames;
}

// ---- Reader.

BackupReader::BackupReader(Visitor visitor) : visitor_(std::move(visitor)) {}

Result<size_t> BackupReader::body_bytes(ByteSpan head) {
  TRY_ASSIGN(const FrameHead decoded, decode_head(head));
  return size_t{decoded.stored_bytes};
}

Status BackupReader::feed(ByteSpan frame) {
  TRY_ASSIGN(const FrameHead head, decode_head(frame));
  if (complete_) return damaged("bytes after the end");
  if (frame.size() != kBackupFrameHeadBytes + head.stored_bytes) return damaged("a frame is cut short");
  if (head.sequence != sequence_)
    return damaged(str_cat("frame ", head.sequence, " where ", sequence_, " was expected"));
  const uint64_t checksum = frame_checksum(frame, chain_);
  if (checksum != head.checksum)
    return damaged(str_cat("frame ", sequence_, " has hash ", to_hex(checksum), ", its head says ",
                           to_hex(head.checksum)));
  const ByteSpan body = frame.subspan(kBackupFrameHeadBytes);
  std::string inflated;
  ByteSpan raw = body;
  if (head.codec == static_cast<uint8_t>(FrameCodec::kZstd)) {
    inflated.resize(head.raw_bytes);
    const size_t count = ZSTD_decompress(inflated.data(), inflated.size(), body.data(), body.size());
    if (ZSTD_isError(count) != 0 || count != inflated.size())
      return damaged(str_cat("frame ", sequence_, " doesn't decompress"));
    raw = as_bytes(inflated);
  }
  const bool first = sequence_ == 0;
  chain_ = checksum;
  ++sequence_;
  if (first != (head.kind == static_cast<uint8_t>(FrameKind::kHeader))) return damaged("frames out of order");
  switch (static_cast<FrameKind>(head.kind)) {
    case FrameKind::kHeader: return header(raw);
    case FrameKind::kEntries: return entries(raw);
    case FrameKind::kTrailer: return trailer(raw);
  }
  return damaged(str_cat("unknown frame kind ", head.kind));
}

Status BackupReader::header(ByteSpan raw) {
  TRY_ASSIGN(info_, decode_info(raw));
  counts_.assign(info_.trees.size(), 0);
  ++totals_.frames;
  return visitor_.on_header ? visitor_.on_header(info_) : Status();
}

Status BackupReader::entries(ByteSpan raw) {
  ByteReader reader(raw);
  while (reader.remaining() > 0) {
    const uint64_t tree = reader.varint();
    const std::string_view key = reader.length_prefixed();
    const std::string_view value = reader.length_prefixed();
    if (!reader.ok() || tree >= info_.trees.size() || tree < tree_) return damaged("a malformed entry");
    if (tree > tree_) {
      tree_ = static_cast<size_t>(tree);
      last_key_.clear();
    }
    if (key <= last_key_) return damaged("keys out of order");  // an empty key is none
    last_key_ = key;
    ++counts_[tree_];
    ++totals_.entries;
    totals_.raw_bytes += key.size() + value.size();
    if (visitor_.on_entry) TRY(visitor_.on_entry(tree_, key, value));
  }
  ++totals_.frames;
  return {};
}

Status BackupReader::trailer(ByteSpan raw) {
  ByteReader reader(raw);
  const uint64_t frames = reader.u64();
  const uint64_t entry_count = reader.u64();
  const uint64_t raw_bytes = reader.u64();
  if (!reader.finished() || frames != totals_.frames || entry_count != totals_.entries ||
      raw_bytes != totals_.raw_bytes)
    return damaged("the trailer disagrees with what came before it");
  for (size_t i = 0; i < counts_.size(); ++i)
    if (counts_[i] != info_.trees[i].key_count)
      return damaged(str_cat("tree ", info_.trees[i].name, " has ", counts_[i], " entries, its header says ",
                             info_.trees[i].key_count));
  complete_ = true;
  return {};
}

}  // namespace revd

#include "mvcc/meta.h"

#include "base/bytes.h"
#include "base/strings.h"

namespace revd {
namespace {

constexpr uint64_t kFormatVersion = 1;
constexpr std::string_view kFormat = "format";
constexpr std::string_view kFloor = "compacted";
constexpr std::string_view kTombstones = "tombstones";
constexpr std::string_view kCompaction = "compaction";

Error damaged(std::string_view name) {
  return Error(ErrorCode::kDataLoss, str_cat("damaged meta entry \"", name, "\""));
}

std::string alarm_key(NodeId member, AlarmCause cause) {
  std::byte raw[9];
  store_be(raw, member.value());
  raw[8] = static_cast<std::byte>(cause);
  return std::string(as_view(raw));
}

template <typename Write>
std::string encode(Write write) {
  std::string bytes;
  ByteWriter writer(bytes);
  write(writer);
  return bytes;
}

}  // namespace

Result<std::optional<std::string>> MetaTable::get(ReadView view, std::string_view name) {
  std::string value;
  TRY_ASSIGN(const bool found, view.get(meta_, name, value));
  if (!found) return std::optional<std::string>();
  return std::optional<std::string>(std::move(value));
}

Status MetaTable::check_format(WriteTxn& txn) {
  TRY_ASSIGN(const std::optional<std::string> value, get(ReadView(txn), kFormat));
  if (!value) return txn.put(meta_, kFormat, encode([](ByteWriter& to) { to.varint(kFormatVersion); }));
  ByteReader reader(as_bytes(*value));
  const uint64_t version = reader.varint();
  if (!reader.ok()) return damaged(kFormat);
  if (version == kFormatVersion) return {};
  return Error(ErrorCode::kUnimplemented,
               str_cat("the store has format ", version, "; this build knows ", kFormatVersion));
}

Result<int64_t> MetaTable::floor(ReadView view) {
  TRY_ASSIGN(const std::optional<std::string> value, get(view, kFloor));
  if (!value) return kNeverCompacted;
  ByteReader reader(as_bytes(*value));
  const int64_t floor = reader.signed_varint();
  if (!reader.finished()) return damaged(kFloor);
  return floor;
}

Status MetaTable::put_floor(WriteTxn& txn, int64_t floor) {
  return txn.put(meta_, kFloor, encode([&](ByteWriter& to) { to.signed_varint(floor); }));
}

Result<uint64_t> MetaTable::tombstones(ReadView view) {
  TRY_ASSIGN(const std::optional<std::string> value, get(view, kTombstones));
  if (!value) return uint64_t{0};
  ByteReader reader(as_bytes(*value));
  const uint64_t count = reader.varint();
  if (!reader.finished()) return damaged(kTombstones);
  return count;
}

Status MetaTable::put_tombstones(WriteTxn& txn, uint64_t count) {
  return txn.put(meta_, kTombstones, encode([&](ByteWriter& to) { to.varint(count); }));
}

Result<CompactionProgress> MetaTable::compaction(ReadView view) {
  CompactionProgress progress;
  TRY_ASSIGN(const std::optional<std::string> value, get(view, kCompaction));
  if (!value) return progress;
  ByteReader reader(as_bytes(*value));
  progress.done = reader.signed_varint();
  progress.target = reader.signed_varint();
  progress.next.main = reader.signed_varint();
  progress.next.sub = reader.signed_varint();
  if (!reader.finished() || progress.next.main < 0 || progress.next.sub < 0) return damaged(kCompaction);
  return progress;
}

Status MetaTable::put_compaction(WriteTxn& txn, const CompactionProgress& progress) {
  return txn.put(meta_, kCompaction, encode([&](ByteWriter& to) {
                   to.signed_varint(progress.done);
                   to.signed_varint(progress.target);
                   to.signed_varint(progress.next.main);
                   to.signed_varint(progress.next.sub);
                 }));
}

Result<std::set<std::pair<NodeId, AlarmCause>>> MetaTable::alarms(ReadView view) {
  std::set<std::pair<NodeId, AlarmCause>> alarms;
  TRY_ASSIGN(Cursor cursor, view.cursor(alarms_));
  TRY(cursor.seek_first());
  while (cursor.valid()) {
    const ByteSpan key = as_bytes(cursor.key());
    if (key.size() != 9) return Error(ErrorCode::kDataLoss, "damaged alarm entry");
    alarms.emplace(NodeId(load_be<uint64_t>(key.data())), static_cast<AlarmCause>(key[8]));
    TRY(cursor.next());
  }
  return alarms;
}

Status MetaTable::put_alarm(WriteTxn& txn, NodeId member, AlarmCause cause) {
  return txn.put(alarms_, alarm_key(member, cause), {});
}

Status MetaTable::erase_alarm(WriteTxn& txn, NodeId member, AlarmCause cause) {
  TRY(txn.erase(alarms_, alarm_key(member, cause)));
  return {};
}

}  // namespace revd

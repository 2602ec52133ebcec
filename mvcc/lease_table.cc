#include "mvcc/lease_table.h"

#include <algorithm>

#include "base/bytes.h"

namespace revd {
namespace {

constexpr char kLeaseKind = 'l';
constexpr char kKeyKind = 'k';
constexpr char kDeadlineKind = 'd';
constexpr int64_t kNsPerMs = 1'000'000;

// Signed numbers in the order of their values.
void append_ordered(std::string& out, int64_t value) {
  std::byte raw[8];
  store_be(raw, static_cast<uint64_t>(value) ^ (uint64_t{1} << 63));
  out.append(reinterpret_cast<const char*>(raw), sizeof raw);
}
int64_t parse_ordered(std::string_view bytes) {
  return static_cast<int64_t>(load_be<uint64_t>(as_bytes(bytes).data()) ^ (uint64_t{1} << 63));
}

std::string lease_key(char kind, LeaseId id) {
  std::string key(1, kind);
  append_ordered(key, id.value());
  return key;
}
std::string attached_key(LeaseId id, std::string_view key) { return lease_key(kKeyKind, id).append(key); }
std::string deadline_key(LogTime deadline, LeaseId id) {
  std::string key(1, kDeadlineKind);
  append_ordered(key, deadline.value());
  append_ordered(key, id.value());
  return key;
}

Error damaged() { return Error(ErrorCode::kDataLoss, "damaged lease entry"); }

}  // namespace

LogTime deadline_after(LogTime from, int64_t ttl_ms) {
  constexpr int64_t kFarthest = INT64_MAX / 2;
  const int64_t ttl_ns = std::clamp<int64_t>(ttl_ms, 0, kFarthest / kNsPerMs) * kNsPerMs;
  return LogTime(std::min(from.value(), kFarthest) + ttl_ns);
}

Result<std::optional<Lease>> LeaseTable::find(ReadView view, LeaseId id) {
  TRY_ASSIGN(const bool found, view.get(tree_, lease_key(kLeaseKind, id), scratch_));
  if (!found) return std::optional<Lease>();
  ByteReader reader(as_bytes(scratch_));
  Lease lease;
  lease.ttl_ms = reader.signed_varint();
  lease.deadline = LogTime(reader.signed_varint());
  if (!reader.finished()) return damaged();
  return std::optional<Lease>(lease);
}

Status LeaseTable::add(WriteTxn& txn, LeaseId id, const Lease& lease) {
  scratch_.clear();
  ByteWriter writer(scratch_);
  writer.signed_varint(lease.ttl_ms);
  writer.signed_varint(lease.deadline.value());
  TRY(txn.put(tree_, deadline_key(lease.deadline, id), {}));
  return txn.put(tree_, lease_key(kLeaseKind, id), scratch_);
}

Status LeaseTable::extend(WriteTxn& txn, LeaseId id, const Lease& lease, LogTime deadline) {
  if (deadline == lease.deadline) return {};
  TRY(txn.erase(tree_, deadline_key(lease.deadline, id)));
  return add(txn, id, {lease.ttl_ms, deadline});
}

Status LeaseTable::remove(WriteTxn& txn, LeaseId id, const Lease& lease) {
  TRY(txn.erase(tree_, deadline_key(lease.deadline, id)));
  TRY(txn.erase(tree_, lease_key(kLeaseKind, id)));
  return {};
}

Status LeaseTable::attach(WriteTxn& txn, LeaseId id, std::string_view key) {
  return txn.put(tree_, attached_key(id, key), {});
}

Status LeaseTable::detach(WriteTxn& txn, LeaseId id, std::string_view key) {
  TRY(txn.erase(tree_, attached_key(id, key)));
  return {};
}

Result<std::optional<std::string>> LeaseTable::first_key(ReadView view, LeaseId id, PageRequest& missing) {
  const std::string prefix = lease_key(kKeyKind, id);
  TRY_ASSIGN(Cursor cursor, view.cursor(tree_));
  const Status sought = cursor.seek(prefix);
  missing = cursor.missing();
  TRY(sought);
  if (!cursor.valid() || !cursor.key().starts_with(prefix)) return std::optional<std::string>();
  return std::optional<std::string>(cursor.key().substr(prefix.size()));
}

Result<std::vector<std::string>> LeaseTable::keys(ReadView view, LeaseId id) {
  const std::string prefix = lease_key(kKeyKind, id);
  std::vector<std::string> keys;
  TRY_ASSIGN(Cursor cursor, view.cursor(tree_));
  TRY(cursor.seek(prefix));
  while (cursor.valid() && cursor.key().starts_with(prefix)) {
    keys.emplace_back(cursor.key().substr(prefix.size()));
    TRY(cursor.next());
  }
  return keys;
}

Result<std::vector<LeaseId>> LeaseTable::all(ReadView view) {
  std::vector<LeaseId> ids;
  TRY_ASSIGN(Cursor cursor, view.cursor(tree_));
  TRY(cursor.seek({&kLeaseKind, 1}));
  while (cursor.valid() && cursor.key().front() == kLeaseKind) {
    if (cursor.key().size() != 9) return damaged();
    ids.emplace_back(parse_ordered(cursor.key().substr(1)));
    TRY(cursor.next());
  }
  return ids;
}

Result<std::optional<LogTime>> LeaseTable::next_deadline(ReadView view) {
  TRY_ASSIGN(Cursor cursor, view.cursor(tree_));
  TRY(cursor.seek({&kDeadlineKind, 1}));
  if (!cursor.valid() || cursor.key().front() != kDeadlineKind) return std::optional<LogTime>();
  if (cursor.key().size() != 17) return damaged();
  return std::optional<LogTime>(parse_ordered(cursor.key().substr(1)));
}

Result<std::vector<LeaseId>> LeaseTable::due(ReadView view, LogTime now, size_t max) {
  std::vector<LeaseId> ids;
  TRY_ASSIGN(Cursor cursor, view.cursor(tree_));
  TRY(cursor.seek({&kDeadlineKind, 1}));
  while (ids.size() < max && cursor.valid() && cursor.key().front() == kDeadlineKind) {
    if (cursor.key().size() != 17) return damaged();
    if (parse_ordered(cursor.key().substr(1)) > now.value()) break;
    ids.emplace_back(parse_ordered(cursor.key().substr(9)));
    TRY(cursor.next());
  }
  return ids;
}

}  // namespace revd

#include "mvcc/records.h"

#include "base/bytes.h"

namespace revd {
namespace {

// Flags of a record.
constexpr uint8_t kTombstone = 1;
constexpr uint8_t kLease = 2;
constexpr uint8_t kRest = 4;
constexpr uint8_t kPrev = 8;
constexpr uint8_t kPrevRest = 16;
constexpr uint8_t kJump = 32;  // goes elsewhere than prev
constexpr uint8_t kRecordFlags = 63;
// Flags of a key entry: the first three, and
constexpr uint8_t kSub = 8;
constexpr uint8_t kEntryFlags = 15;

constexpr char kRestMark = 1;

Error damaged(const char* what) { return Error(ErrorCode::kDataLoss, std::string("damaged ") + what); }

uint64_t distance(int64_t from, int64_t to) { return static_cast<uint64_t>(from - to); }

// A revision at or before `from.main`: the distance, then sub.
void write_back_link(ByteWriter& writer, int64_t from_main, const Revision& to) {
  writer.varint(distance(from_main, to.main) << 1 | (to.sub != 0 ? 1u : 0u));
  if (to.sub != 0) writer.varint(static_cast<uint64_t>(to.sub));
}

Revision read_back_link(ByteReader& reader, int64_t from_main) {
  const uint64_t word = reader.varint();
  const uint64_t sub = (word & 1) != 0 ? reader.varint() : 0;
  if ((word >> 1) > static_cast<uint64_t>(from_main) || sub > UINT32_MAX) {
    reader.fail();
    return {};
  }
  return {from_main - static_cast<int64_t>(word >> 1), static_cast<int64_t>(sub)};
}

struct PutFields {
  int64_t create = 0;
  int64_t version = 0;
  LeaseId lease{};
};

void write_put_fields(ByteWriter& writer, int64_t main, const PutFields& put) {
  writer.varint(distance(main, put.create));
  writer.varint(static_cast<uint64_t>(put.version));
  if (put.lease != kNoLease) writer.varint(static_cast<uint64_t>(put.lease.value()));
}

PutFields read_put_fields(ByteReader& reader, int64_t main, uint8_t flags) {
  PutFields put;
  const uint64_t age = reader.varint();
  const uint64_t version = reader.varint();
  if ((flags & kLease) != 0) put.lease = LeaseId(static_cast<int64_t>(reader.varint()));
  if (age > static_cast<uint64_t>(main) || version > INT64_MAX) reader.fail();
  put.create = main - static_cast<int64_t>(age);
  put.version = static_cast<int64_t>(version);
  return put;
}

// Calls visit(gap) for the gaps between the depths of a spine, from the oldest to the newest.
template <typename Visit>
void for_each_gap(uint64_t depth, Visit visit) {
  uint64_t gap = UINT64_MAX;  // numbers of the form 2^k - 1
  while (depth > 0) {
    while (gap > depth) gap >>= 1;
    visit(gap);
    depth -= gap;
  }
}

}  // namespace

RevisionKey::RevisionKey(const Revision& at, bool rest) : size_(kRevisionKeyBytes + (rest ? 1 : 0)) {
  auto* bytes = reinterpret_cast<std::byte*>(bytes_.data());
  store_be(bytes, static_cast<uint64_t>(at.main));
  store_be(bytes + 8, static_cast<uint32_t>(at.sub));
  bytes_[kRevisionKeyBytes] = kRestMark;
}

Result<ParsedRevisionKey> parse_revision_key(std::string_view bytes) {
  const bool rest = bytes.size() == kRevisionKeyBytes + 1 && bytes.back() == kRestMark;
  if (!rest && bytes.size() != kRevisionKeyBytes) return damaged("revision key");
  const ByteSpan raw = as_bytes(bytes);
  const auto main = load_be<uint64_t>(raw.data());
  if (main > INT64_MAX) return damaged("revision key");
  return ParsedRevisionKey{{static_cast<int64_t>(main), load_be<uint32_t>(raw.data() + 8)}, rest};
}

void Spine::push_back(const Revision& at) {
  CHECK(size_ < kMax);
  at_[size_++] = at;
}

void Spine::advance(const Revision& newest, uint64_t depth) {
  uint64_t last = 0;
  uint64_t before_last = 0;
  for_each_gap(depth, [&](uint64_t gap) {
    before_last = last;
    last = gap;
  });
  if (last != 0 && last == before_last) {
    // Two equal jumps become one over both of them and `newest`.
    for (size_t i = 1; i < size_; ++i) at_[i - 1] = at_[i];
    --size_;
    return;
  }
  CHECK(size_ < kMax);
  for (size_t i = size_; i > 0; --i) at_[i] = at_[i - 1];
  at_[0] = newest;
  ++size_;
}

size_t Spine::size_at(uint64_t depth) {
  size_t size = 0;
  for_each_gap(depth, [&](uint64_t) { ++size; });
  return size;
}

bool needs_rest(std::string_view key, std::string_view value) {
  return key.size() + value.size() > kInlineBytes;
}

void encode_record(int64_t main, const Record& record, std::string& head, std::string& rest) {
  const bool jumps = record.has_prev && record.jump != record.prev;
  const bool leased = record.lease != kNoLease;
  ByteWriter writer(head);
  writer.u8(static_cast<uint8_t>((record.tombstone ? kTombstone : 0) | (leased ? kLease : 0) |
                                 (record.has_rest ? kRest : 0) | (record.has_prev ? kPrev : 0) |
                                 (record.prev_has_rest ? kPrevRest : 0) | (jumps ? kJump : 0)));
  writer.varint(record.depth);
  if (record.has_prev) write_back_link(writer, main, record.prev);
  if (jumps) write_back_link(writer, record.prev.main, record.jump);
  if (!record.tombstone) write_put_fields(writer, main, {record.create, record.version, record.lease});
  if (!record.has_rest) {
    writer.length_prefixed(record.key);
    writer.raw(record.value);
    return;
  }
  rest.clear();
  ByteWriter rest_writer(rest);
  rest_writer.length_prefixed(record.key);
  rest_writer.raw(record.value);
}

Result<Record> decode_record(int64_t main, std::string_view head) {
  ByteReader reader(as_bytes(head));
  const uint8_t flags = reader.u8();
  Record record;
  record.tombstone = (flags & kTombstone) != 0;
  record.has_prev = (flags & kPrev) != 0;
  record.prev_has_rest = (flags & kPrevRest) != 0;
  record.has_rest = (flags & kRest) != 0;
  record.depth = reader.varint();
  if (record.has_prev) record.prev = read_back_link(reader, main);
  record.jump = (flags & kJump) != 0 ? read_back_link(reader, record.prev.main) : record.prev;
  if (!record.tombstone) {
    const PutFields put = read_put_fields(reader, main, flags);
    record.create = put.create;
    record.version = put.version;
    record.lease = put.lease;
  }
  if (!record.has_rest) {
    record.key = reader.length_prefixed();
    record.value = as_view(reader.take(reader.remaining()));
  }
  if (!reader.finished() || flags > kRecordFlags) return damaged("revision record");
  return record;
}

Status decode_rest(std::string_view rest, Record& record) {
  ByteReader reader(as_bytes(rest));
  record.key = reader.length_prefixed();
  record.value = as_view(reader.take(reader.remaining()));
  if (!reader.finished()) return damaged("revision record's rest");
  return {};
}

void encode_key_entry(const KeyEntry& entry, std::string& out) {
  const bool leased = entry.lease != kNoLease;
  ByteWriter writer(out);
  writer.u8(static_cast<uint8_t>((entry.tombstone ? kTombstone : 0) | (leased ? kLease : 0) |
                                 (entry.has_rest ? kRest : 0) | (entry.at.sub != 0 ? kSub : 0)));
  writer.varint(static_cast<uint64_t>(entry.at.main));
  if (entry.at.sub != 0) writer.varint(static_cast<uint64_t>(entry.at.sub));
  if (!entry.tombstone) write_put_fields(writer, entry.at.main, {entry.create, entry.version, entry.lease});
  writer.varint(entry.depth);
  int64_t from = entry.at.main;
  for (size_t i = 0; i < entry.spine.size(); ++i) {
    write_back_link(writer, from, entry.spine[i]);
    from = entry.spine[i].main;
  }
}

Status decode_key_entry(std::string_view bytes, KeyEntry& entry, bool with_spine) {
  ByteReader reader(as_bytes(bytes));
  const uint8_t flags = reader.u8();
  const uint64_t main = reader.varint();
  const uint64_t sub = (flags & kSub) != 0 ? reader.varint() : 0;
  if (!reader.ok() || main > INT64_MAX || sub > UINT32_MAX || flags > kEntryFlags)
    return damaged("key index entry");
  entry.tombstone = (flags & kTombstone) != 0;
  entry.has_rest = (flags & kRest) != 0;
  entry.at = {static_cast<int64_t>(main), static_cast<int64_t>(sub)};
  const PutFields put = entry.tombstone ? PutFields{} : read_put_fields(reader, entry.at.main, flags);
  entry.create = put.create;
  entry.version = put.version;
  entry.lease = put.lease;
  entry.depth = reader.varint();
  entry.spine.clear();
  if (!with_spine) return reader.ok() ? Status() : damaged("key index entry");
  int64_t from = entry.at.main;
  while (reader.remaining() > 0 && entry.spine.size() < Spine::kMax) {
    const Revision link = read_back_link(reader, from);
    if (!reader.ok()) break;
    entry.spine.push_back(link);
    from = link.main;
  }
  if (!reader.finished() || entry.spine.size() != Spine::size_at(entry.depth))
    return damaged("key index entry");
  return {};
}

}  // namespace revd

// Requests and answers that concern a node rather than its keys, as plain structs.
//
// They complete mvcc/command/requests.h and responses.h: a range that comes in pages, the node's
// state, hashes, snapshots, alarms. Values, owned; nothing here is checked. fields() lists the wire
// order (mvcc/command/struct_codec.h); a new field goes last; every default is zero or empty.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "base/ids.h"
#include "mvcc/command/command.h"
#include "mvcc/command/requests.h"

namespace revd {

// A range answered as a stream of RangeResponses ("pages") of one revision: kvs in order, each page
// with the same `revision`; `count` and `more` are set in the last page alone.
struct RangePagesRequest {
  RangeRequest range;
  uint64_t page_bytes_max = 0;  // keys and values in one page, one key-value at least; 0: the server's choice

  static constexpr auto fields() {
    return std::tuple(&RangePagesRequest::range, &RangePagesRequest::page_bytes_max);
  }
  friend bool operator==(const RangePagesRequest&, const RangePagesRequest&) = default;
};

// A sign of life, answered at once by the door itself.
struct PingRequest {
  static constexpr auto fields() { return std::tuple<>(); }
  friend bool operator==(const PingRequest&, const PingRequest&) = default;
};

struct StatusRequest {
  static constexpr auto fields() { return std::tuple<>(); }
  friend bool operator==(const StatusRequest&, const StatusRequest&) = default;
};

struct StatusResponse {
  int64_t revision = 0;
  std::string version;  // of the server program
  int64_t compact_revision = 0;
  NodeId leader;  // 0: none known
  LogIndex log_index;
  uint64_t key_count = 0;
  uint64_t db_size_bytes = 0;        // the page file on disk
  uint64_t db_live_bytes = 0;        // what of it is in use
  uint64_t quota_backend_bytes = 0;  // puts are refused above so many live bytes
  uint64_t log_bytes = 0;            // the write-ahead log on disk
  uint64_t uptime_ms = 0;
  std::vector<std::string> errors;  // what stands against serving, in words

  static constexpr auto fields() {
    using Self = StatusResponse;
    return std::tuple(&Self::revision, &Self::version, &Self::compact_revision, &Self::leader,
                      &Self::log_index, &Self::key_count, &Self::db_size_bytes, &Self::db_live_bytes,
                      &Self::quota_backend_bytes, &Self::log_bytes, &Self::uptime_ms, &Self::errors);
  }
  friend bool operator==(const StatusResponse&, const StatusResponse&) = default;
};

// The hash of the logical state: everything that a read at or above the compacted revision can see.
struct HashRequest {
  int64_t revision = 0;  // 0: the current one

  static constexpr auto fields() { return std::tuple(&HashRequest::revision); }
  friend bool operator==(const HashRequest&, const HashRequest&) = default;
};

struct HashResponse {
  int64_t revision = 0;
  int64_t hash_revision = 0;  // the revision that was hashed
  int64_t compact_revision = 0;
  uint64_t hash = 0;

  static constexpr auto fields() {
    using Self = HashResponse;
    return std::tuple(&Self::revision, &Self::hash_revision, &Self::compact_revision, &Self::hash);
  }
  friend bool operator==(const HashResponse&, const HashResponse&) = default;
};

struct SnapshotRequest {
  static constexpr auto fields() { return std::tuple<>(); }
  friend bool operator==(const SnapshotRequest&, const SnapshotRequest&) = default;
};

// A piece of a snapshot. The stream's bytes are the concatenation of `data`, opaque to the protocol.
struct SnapshotChunk {
  int64_t revision = 0;      // of the snapshot, the same in every chunk
  uint64_t offset = 0;       // bytes before this chunk
  uint64_t total_bytes = 0;  // of the whole stream; 0: not known yet. The last chunk has it
  std::string data;
  uint64_t hash = 0;  // last chunk: XXH3-64 of all bytes

  static constexpr auto fields() {
    using Self = SnapshotChunk;
    return std::tuple(&Self::revision, &Self::offset, &Self::total_bytes, &Self::data, &Self::hash);
  }
  friend bool operator==(const SnapshotChunk&, const SnapshotChunk&) = default;
};

struct Alarm {
  NodeId member;
  AlarmCause cause{};

  static constexpr auto fields() { return std::tuple(&Alarm::member, &Alarm::cause); }
  friend bool operator==(const Alarm&, const Alarm&) = default;
};

enum class AlarmAction : uint8_t { kList = 0, kDisarm = 1 };

struct AlarmRequest {
  AlarmAction action = AlarmAction::kList;
  // kDisarm: which; member 0 means every member, cause 0 every cause.
  Alarm alarm;

  static constexpr auto fields() { return std::tuple(&AlarmRequest::action, &AlarmRequest::alarm); }
  friend bool operator==(const AlarmRequest&, const AlarmRequest&) = default;
};

struct AlarmResponse {
  int64_t revision = 0;
  std::vector<Alarm> alarms;  // those that stand (kList), or those that were disarmed

  static constexpr auto fields() { return std::tuple(&AlarmResponse::revision, &AlarmResponse::alarms); }
  friend bool operator==(const AlarmResponse&, const AlarmResponse&) = default;
};

}  // namespace revd

// The nouns of the data model: keys with their revisions, events, and the ids that name things.
//
// Plain values, owned, without behaviour. Structs that travel list their fields in wire order in
// fields() (struct_codec.h); a new field goes last. Meaning: README.md of mvcc.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "base/ids.h"

namespace revd {

// Names a lease; 0 means none (in a grant: the proposer picks).
using LeaseId = StrongId<struct LeaseIdTag, int64_t>;
// Names a client's session; 0 means that the command belongs to none.
using SessionId = StrongId<struct SessionIdTag>;
// Names a watch within its connection; 0 in a request lets the server pick, -1 means "none of them".
using WatchId = StrongId<struct WatchIdTag, int64_t>;

inline constexpr LeaseId kNoLease{0};
inline constexpr WatchId kNoWatch{-1};

// The revision of an empty store; the first write makes 2.
inline constexpr int64_t kFirstRevision = 1;
// The compacted revision of a store that was never compacted.
inline constexpr int64_t kNeverCompacted = -1;

// Place of one change in the history. A transaction has one `main`; `sub` numbers its changes from 0.
struct Revision {
  int64_t main = 0;
  int64_t sub = 0;

  static constexpr auto fields() { return std::tuple(&Revision::main, &Revision::sub); }
  friend auto operator<=>(const Revision&, const Revision&) = default;
};

// A key as of one revision.
struct KeyValue {
  std::string key{};
  int64_t create_revision = 0;  // of the first put since the key was last absent
  int64_t mod_revision = 0;     // of this state
  int64_t version = 0;          // puts since create_revision, that one included
  std::string value{};
  LeaseId lease{};

  static constexpr auto fields() {
    return std::tuple(&KeyValue::key, &KeyValue::create_revision, &KeyValue::mod_revision, &KeyValue::version,
                      &KeyValue::value, &KeyValue::lease);
  }
  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

enum class EventType : uint8_t { kPut = 0, kDelete = 1 };

// One change of one key. The kv of a delete has key and mod_revision alone.
struct Event {
  EventType type = EventType::kPut;
  KeyValue kv{};
  std::optional<KeyValue> prev_kv{};  // the key's state at mod_revision - 1

  static constexpr auto fields() { return std::tuple(&Event::type, &Event::kv, &Event::prev_kv); }
  friend bool operator==(const Event&, const Event&) = default;
};

}  // namespace revd

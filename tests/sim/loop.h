// SimLoop: virtual time. One heap of events in nanoseconds, ties broken by the order of insertion,
// and a running hash over everything that happens: the same seed twice gives the same hash.
//
// Thread rule: one thread; there is no other.
// Ownership: the loop owns the events' tasks. An event belongs to one incarnation of a process (or to
// the test's script): it is dropped without a call once that incarnation has died.
// Units: nanoseconds of virtual time since the world began.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "base/executor.h"
#include "base/hash.h"

namespace revd {

// One life of a process, from its start to its crash. Whatever the old life left behind (events, open
// connections, objects that still hold its Env) sees alive == false and does nothing.
struct SimIncarnation {
  uint32_t process = 0;  // 1, 2, ... in the order of creation; 0 is the test's script
  uint32_t number = 0;   // 1 for the first life
  bool alive = true;
  bool paused = false;  // like SIGSTOP: its events wait for the resume
};

enum class SimEventKind : uint8_t {
  kScript,
  kTask,
  kTimer,
  kWorker,
  kDisk,
  kNetwork,
  kLog,
  kProcess,  // started, crashed, paused
  kFault,
};

class SimLoop {
 public:
  struct Key {
    int64_t time_ns = 0;
    uint64_t sequence = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  int64_t now_ns() const { return now_ns_; }
  uint64_t events() const { return events_run_; }
  bool idle() const { return events_.empty(); }
  bool inside_event() const { return inside_event_; }

  // A null owner is the test's script. A negative delay counts as 0.
  Key schedule(std::shared_ptr<SimIncarnation> owner, SimEventKind kind, int64_t delay_ns, Task task);
  // False if it ran already (or was dropped with its owner).
  bool cancel(const Key& key);
  // Runs the next event; false if there is none.
  bool step();
  // For whoever blocks (SimDisk::wait): time passes, and events that fall due meanwhile run late.
  void advance_to(int64_t time_ns) { now_ns_ = std::max(now_ns_, time_ns); }
  // What a pause held back runs now, in its old order.
  void resume(const SimIncarnation& owner);
  // Drops all events, for the world's end: their destructors may still call into it.
  void clear();

  // Adds to the event hash.
  void note(SimEventKind kind, uint32_t process, uint64_t digest);
  uint64_t hash() const { return hash_; }

 private:
  struct Event {
    std::shared_ptr<SimIncarnation> owner;
    SimEventKind kind = SimEventKind::kScript;
    Task task;
  };

  int64_t now_ns_ = 0;
  uint64_t next_sequence_ = 1;
  uint64_t events_run_ = 0;
  uint64_t hash_ = 0;
  bool inside_event_ = false;
  std::map<Key, Event> events_;
  std::map<Key, Event> parked_;  // due, but their owner is paused
};

}  // namespace revd

#include "tests/sim/loop.h"

#include <algorithm>
#include <array>
#include <vector>

namespace revd {

SimLoop::Key SimLoop::schedule(std::shared_ptr<SimIncarnation> owner, SimEventKind kind, int64_t delay_ns,
                               Task task) {
  const Key key{.time_ns = now_ns_ + std::max<int64_t>(delay_ns, 0), .sequence = next_sequence_++};
  events_.emplace(key, Event{.owner = std::move(owner), .kind = kind, .task = std::move(task)});
  return key;
}

bool SimLoop::cancel(const Key& key) {
  // The closure goes only when the maps are whole again: its destructor may come back here.
  auto node = events_.extract(key);
  if (node.empty()) node = parked_.extract(key);
  return !node.empty();
}

bool SimLoop::step() {
  while (!events_.empty()) {
    auto node = events_.extract(events_.begin());
    Event& event = node.mapped();
    if (event.owner && !event.owner->alive) continue;
    if (event.owner && event.owner->paused) {
      parked_.insert(std::move(node));
      continue;
    }
    now_ns_ = std::max(now_ns_, node.key().time_ns);
    ++events_run_;
    note(event.kind, event.owner ? event.owner->process : 0, 0);
    CHECK_MSG(!inside_event_, "an event must not run the loop");
    inside_event_ = true;
    event.task();
    event.task = nullptr;
    inside_event_ = false;
    return true;
  }
  return false;
}

void SimLoop::resume(const SimIncarnation& owner) {
  std::vector<Key> due;
  for (const auto& [key, event] : parked_)
    if (event.owner.get() == &owner) due.push_back(key);
  for (const Key& key : due) events_.insert(parked_.extract(key));
}

void SimLoop::clear() {
  while (!events_.empty()) events_.extract(events_.begin());
  while (!parked_.empty()) parked_.extract(parked_.begin());
}

void SimLoop::note(SimEventKind kind, uint32_t process, uint64_t digest) {
  std::array<std::byte, 24> content;
  store_le(content.data(), now_ns_);
  store_le(content.data() + 8, digest);
  store_le(content.data() + 16, process);
  store_le(content.data() + 20, static_cast<uint32_t>(kind));
  hash_ = xxh3_64(content, hash_);
}

}  // namespace revd

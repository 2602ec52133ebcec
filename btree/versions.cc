#include "btree/versions.h"

#include <algorithm>

#include "base/check.h"

namespace revd::btree {

void Versions::publish(const std::vector<TreeRoot>& trees, const AppliedPosition& applied) {
  ++published_.number;
  published_.trees = trees;
  published_.applied = applied;
}

Pin& Versions::pin(Holder holder, CheckpointId next_checkpoint, Instant now) {
  if (holder == Holder::kSnapshot) ++snapshots_open_;
  if (pins_.empty() || pins_.back()->version.number != published_.number) {
    if (spare_.empty()) spare_.push_back(std::make_unique<Pin>());
    std::unique_ptr<Pin> made = std::move(spare_.back());
    spare_.pop_back();
    made->version = published_;
    made->next_checkpoint = next_checkpoint;
    made->pinned_at = now;
    made->expired = false;
    pins_.push_back(std::move(made));
    update_newest();
  }
  Pin& pin = *pins_.back();
  ++(holder == Holder::kSnapshot ? pin.snapshots : pin.essential);
  return pin;
}

std::vector<HeldPage> Versions::unpin(Pin& pin, Holder holder) {
  std::vector<HeldPage> freed;
  uint32_t& holders = holder == Holder::kSnapshot ? pin.snapshots : pin.essential;
  CHECK(holders > 0);
  --holders;
  if (holder == Holder::kSnapshot) --snapshots_open_;
  if (pin.snapshots + pin.essential > 0) return freed;
  auto& list = pin.expired ? expired_ : pins_;
  const auto at = std::ranges::find_if(list, [&](const auto& p) { return p.get() == &pin; });
  CHECK(at != list.end());
  if (!pin.expired) remove(static_cast<size_t>(at - list.begin()), freed);
  std::unique_ptr<Pin> done =
      std::move(*std::ranges::find_if(list, [&](const auto& p) { return p.get() == &pin; }));
  std::erase(list, nullptr);
  update_newest();
  if (spare_.size() < 16) spare_.push_back(std::move(done));
  return freed;
}

// Hands the pages over to the next older pin, as far as it can see them.
void Versions::remove(size_t position, std::vector<HeldPage>& freed) {
  Pin& pin = *pins_[position];
  Pin* older = position > 0 ? pins_[position - 1].get() : nullptr;
  for (const HeldPage& page : pin.held) {
    if (older != nullptr && older->version.number >= page.made_in)
      older->held.push_back(page);
    else
      freed.push_back(page);
  }
  pin.held.clear();
}

CheckpointId Versions::oldest_extent_pin() const {
  CheckpointId oldest(UINT64_MAX);
  for (const auto& pin : pins_) oldest = std::min(oldest, pin->next_checkpoint);
  return oldest;
}

size_t Versions::oldest_expirable() const {
  size_t i = 0;
  while (i < pins_.size() && pins_[i]->essential > 0) ++i;
  return i;
}

bool Versions::expire_oldest(std::vector<HeldPage>& freed) {
  const size_t at = oldest_expirable();
  if (at == pins_.size()) return false;
  remove(at, freed);
  pins_[at]->expired = true;
  expired_.push_back(std::move(pins_[at]));
  pins_.erase(pins_.begin() + static_cast<ptrdiff_t>(at));
  update_newest();
  return true;
}

bool Versions::oldest_snapshot(Instant& pinned_at) const {
  const size_t at = oldest_expirable();
  if (at == pins_.size()) return false;
  pinned_at = pins_[at]->pinned_at;
  return true;
}

}  // namespace revd::btree

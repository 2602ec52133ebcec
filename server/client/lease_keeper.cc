#include "server/client/lease_keeper.h"

#include <algorithm>
#include <utility>

namespace revd {

LeaseKeeper::LeaseKeeper(Client& client)
    : client_(client), timer_(client.env().executor), self_(std::make_shared<LeaseKeeper*>(this)) {}

void LeaseKeeper::keep(LeaseId lease, int64_t ttl_ms, Lost lost) {
  leases_.insert_or_assign(lease, Kept{ttl_ms, std::move(lost)});
  arm();
}

void LeaseKeeper::arm() {
  if (leases_.empty()) return timer_.stop();
  int64_t shortest = leases_.begin()->second.ttl_ms;
  for (const auto& [lease, kept] : leases_) shortest = std::min(shortest, kept.ttl_ms);
  timer_.start(std::chrono::milliseconds(std::max<int64_t>(shortest / 3, 1)), [this] {
    ask();
    arm();
  });
}

void LeaseKeeper::ask() {
  if (asking_ || leases_.empty()) return;
  LeaseKeepAliveRequest request;
  int64_t shortest = leases_.begin()->second.ttl_ms;
  for (const auto& [lease, kept] : leases_) {
    request.ids.push_back(lease);
    shortest = std::min(shortest, kept.ttl_ms);
  }
  asking_ = true;
  CallOptions options;
  options.timeout_ms = static_cast<uint32_t>(std::clamp<int64_t>(shortest / 3, 100, 60'000));
  client_.call(request, options,
               [weak = std::weak_ptr(self_), asked = request.ids](Result<LeaseKeepAliveResponse> response,
                                                                  const AnswerHeader&) {
                 const auto self = weak.lock();
                 if (!self) return;
                 (*self)->asking_ = false;
                 if (response.ok()) (*self)->answered(asked, *response);
               });
}

void LeaseKeeper::answered(const std::vector<LeaseId>& asked, const LeaseKeepAliveResponse& response) {
  const std::weak_ptr<LeaseKeeper*> alive = self_;
  for (size_t i = 0; i < asked.size() && i < response.ttls_ms.size(); ++i) {
    if (response.ttls_ms[i] > 0) continue;
    const auto found = leases_.find(asked[i]);
    if (found == leases_.end()) continue;
    const Lost lost = std::move(found->second.lost);
    leases_.erase(found);
    if (lost) lost(asked[i]);
    if (alive.expired()) return;
  }
}

}  // namespace revd

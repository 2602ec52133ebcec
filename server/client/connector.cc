#include "server/client/connector.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace revd {

Connector::Connector(Env& env, const ClientOptions& options, Up up)
    : env_(env),
      options_(options),
      up_(std::move(up)),
      candidates_(options.endpoints),
      dial_timer_(env.executor),
      self_(std::make_shared<Connector*>(this)) {
  CHECK_MSG(!candidates_.empty(), "a client needs an endpoint");
  dial();
}

Connector::~Connector() = default;

void Connector::dial() {
  const Address to = candidates_[next_ % candidates_.size()];
  next_ = (next_ + 1) % candidates_.size();
  ++links_made_;
  link_ = std::make_unique<Link>(
      env_, options_, to, [this](const protocol::ServerIntroduction& server) { came_up(server); },
      [this](const Error& reason) { went_down(reason); });
}

void Connector::came_up(const protocol::ServerIntroduction& server) {
  if (!cluster_) cluster_ = server.cluster;
  if (server.cluster != *cluster_) {
    const std::string text = str_cat(link_->address().to_string(), " belongs to cluster ",
                                     to_hex(server.cluster.value()), ", not ", to_hex(cluster_->value()));
    env_.logger.warning("client", "wrong_cluster", {{"error", text}});
    return go_elsewhere(std::nullopt, Error(ErrorCode::kFailedPrecondition, text));
  }
  failures_ = 0;
  usable_ = true;
  last_error_.reset();
  up_();
}

void Connector::went_down(const Error& reason) {
  ++failures_;
  usable_ = false;
  last_error_ = reason;
  env_.logger.debug("client", "connection_lost",
                    {{"server", link_->address().to_string()}, {"reason", reason.text()}});
  dial_timer_.start(delay_before_dial(), [this] { dial(); });
}

// At once while there are endpoints untried since the last success.
Duration Connector::delay_before_dial() {
  const auto round = static_cast<uint32_t>(candidates_.size());
  if (failures_ < round) return Duration(0);
  const uint32_t doublings = std::min((failures_ - round) / round, 16U);
  const uint64_t most =
      std::min<uint64_t>(options_.backoff_max_ms, uint64_t{options_.backoff_min_ms} << doublings);
  return std::chrono::milliseconds(
      env_.random.between(std::max<uint64_t>(most / 2, 1), std::max<uint64_t>(most, 1)));
}

void Connector::go_elsewhere(std::optional<Address> leader, const Error& reason) {
  if (leader) {
    auto found = std::ranges::find(candidates_, *leader);
    if (found == candidates_.end()) found = candidates_.insert(candidates_.end(), *leader);
    next_ = static_cast<size_t>(found - candidates_.begin());
  }
  usable_ = false;
  env_.executor.post([weak = std::weak_ptr(self_), which = links_made_, reason] {
    const auto self = weak.lock();
    if (self && (*self)->links_made_ == which) (*self)->link_->end(reason);
  });
}

}  // namespace revd

#include "server/door/door.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "server/door/server_connection.h"

namespace revd {

namespace {

// Connections beyond the limit that are told so; further ones are closed without a word.
constexpr size_t kRefusedMax = 64;

protocol::ServerIntroduction introduction_of(const DoorSettings& settings, const DoorIdentity& identity) {
  protocol::ServerIntroduction self;
  self.version = identity.version;
  self.cluster = identity.cluster;
  self.member = identity.member;
  self.frame_body_max = settings.request_bytes_max + protocol::kFrameOverheadMax;
  self.request_bytes_max = settings.request_bytes_max;
  self.requests_in_flight_max = settings.requests_in_flight_max;
  self.bytes_in_flight_max = settings.bytes_in_flight_max;
  self.idle_timeout_ms = settings.idle_timeout_ms;
  return self;
}

}  // namespace

Door::Door(Env& env, Service& service, DoorSettings settings, DoorIdentity identity, ChannelFactory channels)
    : settings_(settings),
      context_{.env = env,
               .service = service,
               .settings = settings_,
               .introduction = introduction_of(settings_, identity),
               .budget = MemoryBudget(settings_.memory_bytes_max),
               .counts = {}},
      channels_(std::move(channels)),
      tick_timer_(env.executor),
      self_(std::make_shared<Door*>(this)) {}

Door::~Door() {
  listeners_.clear();
  for (auto& [id, connection] : connections_) connection->close();
}

Status Door::listen(const Address& at) {
  TRY(check(settings_));
  TRY_ASSIGN(auto listener, context_.env.network.listen(at, [this](std::unique_ptr<Connection> connection) {
    accept(std::move(connection));
  }));
  listeners_.push_back(std::move(listener));
  return {};
}

std::vector<Address> Door::addresses() const {
  std::vector<Address> addresses;
  for (const auto& listener : listeners_) addresses.push_back(listener->address());
  return addresses;
}

void Door::accept(std::unique_ptr<Connection> connection) {
  ++context_.counts.accepted;
  if (draining_ || connections_.size() >= settings_.connections_max + kRefusedMax) {
    ++context_.counts.refused;
    return;
  }
  last_id_ = last_id_.next();
  auto made = std::make_shared<ServerConnection>(context_, last_id_, channels_(std::move(connection)));
  const bool too_many = connections_.size() >= settings_.connections_max;
  connections_.emplace(last_id_, made);
  Task closed_task = [weak = std::weak_ptr(self_), id = last_id_] {
    if (const auto self = weak.lock()) (*self)->closed(id);
  };
  if (too_many) {
    made->start_refusing(protocol::Refusal::kTooManyConnections,
                         str_cat("this server has its ", settings_.connections_max, " connections"),
                         std::move(closed_task));
  } else {
    made->start(std::move(closed_task));
  }
  arm_tick();
}

void Door::closed(CallerId id) {
  connections_.erase(id);
  check_drained();
}

void Door::arm_tick() {
  if (tick_timer_.running() || connections_.empty()) return;
  const uint32_t shortest = std::min({settings_.handshake_timeout_ms, settings_.idle_timeout_ms,
                                      settings_.write_timeout_ms, settings_.linger_timeout_ms});
  const std::chrono::milliseconds period(std::clamp<uint32_t>(shortest / 4, 1, 1000));
  tick_timer_.start(period, [this] {
    tick();
    arm_tick();
  });
}

void Door::tick() {
  const Instant now = context_.env.clock.now();
  const bool give_up =
      draining_ && now - draining_since_ >= std::chrono::milliseconds(settings_.drain_timeout_ms);
  for (auto& [id, connection] : connections_) {
    if (give_up)
      connection->close();
    else
      connection->tick(now);
  }
}

void Door::drain(Task done) {
  draining_ = true;
  draining_since_ = context_.env.clock.now();
  drained_ = std::move(done);
  listeners_.clear();
  for (auto& [id, connection] : connections_) connection->drain();
  check_drained();
}

void Door::check_drained() {
  if (draining_ && connections_.empty() && drained_)
    context_.env.executor.post(std::exchange(drained_, nullptr));
}

}  // namespace revd

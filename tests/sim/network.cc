#include "tests/sim/network.h"

#include <algorithm>

#include "base/strings.h"
#include "tests/sim/stream.h"

namespace revd {

namespace {

bool is_local(const std::string& host) {
  return host == "127.0.0.1" || host == "localhost" || host == "::1" || host == "0.0.0.0" || host == "::";
}

class SimConnection final : public Connection {
 public:
  SimConnection(SimFabric& fabric, std::shared_ptr<SimStream> stream, int side)
      : fabric_(fabric), stream_(std::move(stream)), side_(side) {
    stream_->ends[side_].attached = true;
  }
  ~SimConnection() override {
    SimEnd& mine = stream_->ends[side_];
    mine.attached = false;
    // The closures may own anything; they go when the stream is in order again.
    const auto read_done = std::exchange(mine.read_done, nullptr);
    const auto write_done = std::exchange(mine.write_done, nullptr);
    if (mine.owner->alive) fabric_.close(*stream_, side_);
    fabric_.drop_if_over(*stream_);
  }
  void read(MutableByteSpan into, ReadDone done) override {
    fabric_.read(*stream_, side_, into, std::move(done));
  }
  void write(std::span<const ByteSpan> pieces, WriteDone done) override {
    fabric_.write(*stream_, side_, pieces, std::move(done));
  }
  void close() override {
    if (stream_->ends[side_].owner->alive) fabric_.close(*stream_, side_);
  }
  Address peer() const override { return stream_->ends[side_].peer; }

 private:
  SimFabric& fabric_;
  std::shared_ptr<SimStream> stream_;
  int side_;
};

}  // namespace

class SimListener final : public Listener {
 public:
  SimListener(SimFabric& fabric, SimFabric::OwnerPtr owner, std::string host, Address at,
              Network::Accepted accepted)
      : owner_(std::move(owner)),
        host_(std::move(host)),
        accepted_(std::make_shared<Network::Accepted>(std::move(accepted))),
        fabric_(fabric),
        address_(std::move(at)) {}
  ~SimListener() override { fabric_.forget(*this); }
  Address address() const override { return address_; }

  const SimFabric::OwnerPtr owner_;
  const std::string host_;
  const std::shared_ptr<Network::Accepted> accepted_;  // events hold it weakly

 private:
  SimFabric& fabric_;
  Address address_;
};

// A connection being made: knock (SYN) -> answer (SYN-ACK) -> settle.
struct SimFabric::Dialling {
  OwnerPtr owner;
  std::string from;
  std::string to;  // the host; `address` is what the caller wrote
  Address address;
  Network::Connected connected;
  std::shared_ptr<SimStream> stream;  // once somebody has accepted
  bool waits = false;                 // for a link or a host
  bool settled = false;
};

SimFabric::SimFabric(SimLoop& loop, Random random) : loop_(loop), random_(random) {}
SimFabric::~SimFabric() = default;

void SimFabric::later(int64_t delay_ns, Task task) {
  loop_.schedule(nullptr, SimEventKind::kNetwork, delay_ns, std::move(task));
}

bool SimFabric::strikes(double probability, uint64_t& count) {
  if (probability <= 0 || random_.unit() >= probability) return false;
  ++count;
  return true;
}

SimFabric::Link SimFabric::link(const std::string& from, const std::string& to) const {
  const auto found = links_.find({from, to});
  return found == links_.end() ? Link{} : found->second;
}

int64_t SimFabric::draw_delay(const std::string& from, const std::string& to) {
  const auto usual = static_cast<uint64_t>(options.delay.count());
  uint64_t delay = usual / 2 + random_.below(usual + 1);
  if (from == to) return static_cast<int64_t>(delay / 8);
  if (strikes(faults.slow, counts_.slow)) delay *= uint64_t{1} << random_.below(11);
  if (strikes(faults.lost, counts_.lost)) delay += uint64_t{200'000'000} << random_.below(4);
  return static_cast<int64_t>(delay);
}

void SimFabric::cut(const std::string& from, const std::string& to) { links_[{from, to}].cut = true; }
void SimFabric::clog(const std::string& from, const std::string& to) { links_[{from, to}].clogged = true; }

void SimFabric::partition(const std::set<std::string>& side) {
  for (const auto& [a, host] : hosts_)
    for (const auto& [b, other] : hosts_)
      if (side.contains(a) != side.contains(b)) cut(a, b);
}

void SimFabric::heal(const std::string& from, const std::string& to) {
  links_.erase({from, to});
  retry_everything();
}

void SimFabric::heal_all() {
  links_.clear();
  retry_everything();
}

void SimFabric::retry_everything() {
  const std::vector<std::shared_ptr<Dialling>> dialling = dialling_;
  for (const std::shared_ptr<Dialling>& each : dialling) {
    if (!std::exchange(each->waits, false)) continue;
    if (each->stream)
      answer(each);
    else
      knock(each);
  }
  const std::map<uint64_t, std::shared_ptr<SimStream>> streams = streams_;
  for (const auto& [id, stream] : streams) resume(*stream);
}

void SimFabric::reset_all() {
  const std::map<uint64_t, std::shared_ptr<SimStream>> streams = streams_;
  for (const auto& [id, stream] : streams) {
    ++counts_.resets;
    break_end(*stream, 0, "Connection reset by peer");
    break_end(*stream, 1, "Connection reset by peer");
  }
}

void SimFabric::set_powered(const std::string& host, bool powered) {
  hosts_[host].powered = powered;
  if (powered) {
    retry_everything();
    return;
  }
  std::erase_if(listeners_, [&](const auto& entry) { return entry.first.first == host; });
  const std::map<uint64_t, std::shared_ptr<SimStream>> streams = streams_;
  for (const auto& [id, stream] : streams)
    for (SimEnd& end : stream->ends)
      if (end.host == host) end.vanished = true;
}

void SimFabric::process_died(const SimIncarnation& who) {
  std::erase_if(listeners_, [&](const auto& entry) { return entry.second->owner_.get() == &who; });
  const std::map<uint64_t, std::shared_ptr<SimStream>> streams = streams_;
  for (const auto& [id, stream] : streams)
    for (const int side : {0, 1})
      if (stream->ends[side].owner.get() == &who) close(*stream, side);
}

void SimFabric::clear() {
  std::vector<Connection::ReadDone> reads;
  std::vector<Connection::WriteDone> writes;
  for (const auto& [id, stream] : streams_) {
    for (SimEnd& end : stream->ends) {
      reads.push_back(std::exchange(end.read_done, nullptr));
      writes.push_back(std::exchange(end.write_done, nullptr));
    }
  }
  const std::vector<std::shared_ptr<Dialling>> dialling = std::exchange(dialling_, {});
}

uint16_t SimFabric::free_port(const std::string& host) {
  uint16_t& next = hosts_[host].next_port;
  while (listeners_.contains({host, next}) || next < 30000) ++next;
  return next++;
}

Result<std::unique_ptr<Listener>> SimFabric::listen(const OwnerPtr& owner, const std::string& host,
                                                    const Address& at, Network::Accepted accepted) {
  Address bound = at;
  const auto fail = [&](std::string_view why) {
    return Error(ErrorCode::kUnavailable, str_cat("listen ", at.to_string(), ": ", why));
  };
  if (!owner->alive) return fail("the process is dead");
  if (!is_local(at.host) && at.host != host) return fail("Cannot assign requested address");
  if (bound.port == 0) bound.port = free_port(host);
  if (listeners_.contains({host, bound.port})) return fail("Address already in use");
  auto listener = std::make_unique<SimListener>(*this, owner, host, bound, std::move(accepted));
  listeners_[{host, bound.port}] = listener.get();
  return std::unique_ptr<Listener>(std::move(listener));
}

void SimFabric::forget(const SimListener& listener) {
  std::erase_if(listeners_, [&](const auto& entry) { return entry.second == &listener; });
}

void SimFabric::connect(const OwnerPtr& owner, const std::string& host, const Address& to,
                        Network::Connected connected) {
  if (!owner->alive) return;
  ++counts_.connects;
  auto dialling = std::make_shared<Dialling>();
  dialling->owner = owner;
  dialling->from = host;
  dialling->to = is_local(to.host) ? host : to.host;
  dialling->address = to;
  dialling->connected = std::move(connected);
  dialling_.push_back(dialling);
  later(draw_delay(host, dialling->to), [this, dialling] { knock(dialling); });
}

void SimFabric::knock(const std::shared_ptr<Dialling>& dialling) {
  const auto fail = [&](std::string_view why) {
    settle(dialling,
           Error(ErrorCode::kUnavailable, str_cat("connect ", dialling->address.to_string(), ": ", why)));
  };
  if (dialling->settled) return;
  const auto host = hosts_.find(dialling->to);
  if (host == hosts_.end()) return fail("Name or service not known");
  if (link(dialling->from, dialling->to).blocked() || !host->second.powered) {
    dialling->waits = true;
    later(options.connect_limit.count(), [this, dialling] {
      if (dialling->waits)
        settle(dialling, Error(ErrorCode::kUnavailable,
                               str_cat("connect ", dialling->address.to_string(), ": Connection timed out")));
    });
    return;
  }
  const auto found = listeners_.find({dialling->to, dialling->address.port});
  if (found == listeners_.end() || strikes(faults.refuse, counts_.refused)) return fail("Connection refused");
  accept(dialling, *found->second);
  later(draw_delay(dialling->to, dialling->from), [this, dialling] { answer(dialling); });
}

void SimFabric::accept(const std::shared_ptr<Dialling>& dialling, SimListener& listener) {
  auto stream = std::make_shared<SimStream>();
  stream->id = next_stream_++;
  stream->ends[0].owner = dialling->owner;
  stream->ends[0].host = dialling->from;
  stream->ends[0].peer = dialling->address;
  stream->ends[1].owner = listener.owner_;
  stream->ends[1].host = dialling->to;
  stream->ends[1].peer = {.host = dialling->from, .port = free_port(dialling->from)};
  streams_.emplace(stream->id, stream);
  dialling->stream = stream;
  loop_.schedule(listener.owner_, SimEventKind::kNetwork, 0,
                 [this, stream, accepted = std::weak_ptr(listener.accepted_)] {
                   auto connection = std::make_unique<SimConnection>(*this, stream, 1);
                   const std::shared_ptr<Network::Accepted> callback = accepted.lock();
                   if (callback) (*callback)(std::move(connection));
                 });
}

void SimFabric::answer(const std::shared_ptr<Dialling>& dialling) {
  if (dialling->settled) return;
  if (link(dialling->to, dialling->from).blocked()) {
    dialling->waits = true;
    later(options.connect_limit.count(), [this, dialling] {
      if (dialling->waits)
        settle(dialling, Error(ErrorCode::kUnavailable,
                               str_cat("connect ", dialling->address.to_string(), ": Connection timed out")));
    });
    return;
  }
  settle(dialling, std::unique_ptr<Connection>(std::make_unique<SimConnection>(*this, dialling->stream, 0)));
}

void SimFabric::settle(const std::shared_ptr<Dialling>& dialling,
                       Result<std::unique_ptr<Connection>> result) {
  dialling->settled = true;
  dialling->waits = false;
  std::erase(dialling_, dialling);
  loop_.note(SimEventKind::kNetwork, dialling->owner->process, result.ok() ? 1 : 2);
  if (!result.ok() && dialling->stream) break_end(*dialling->stream, 0, "given up");
  if (!dialling->owner->alive) return;
  loop_.schedule(
      dialling->owner, SimEventKind::kNetwork, 0,
      [dialling, answer = std::move(result)]() mutable { dialling->connected(std::move(answer)); });
}

Result<std::unique_ptr<Listener>> SimNetwork::listen(const Address& at, Accepted accepted) {
  return fabric_.listen(owner_, host_, at, std::move(accepted));
}

void SimNetwork::connect(const Address& to, Connected connected) {
  fabric_.connect(owner_, host_, to, std::move(connected));
}

}  // namespace revd

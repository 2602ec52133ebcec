// SimFabric: the network between simulated hosts. SimNetwork: one process's end of it.
//
// Streams behave like TCP: within one, bytes neither reorder nor double, whatever is lost comes late,
// and what can't come at all ends in a reset. Buffers are bounded, so that a write waits for a slow
// reader. Hosts are names; "127.0.0.1", "localhost", "::1", "0.0.0.0" and "::" are the own one.
//
// Thread rule: one thread. Units: bytes, virtual time. Errors: as base/network.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/network.h"
#include "base/random.h"
#include "tests/sim/loop.h"

namespace revd {

// Probabilities are per segment (per connection for `refuse`), 0 to 1, all off by default.
struct SimNetworkFaults {
  double slow = 0;        // heavy tail: up to a thousand times the usual delay
  double lost = 0;        // sent again after 200 ms, doubling: everything behind it waits
  double reset = 0;       // both ends see a reset
  double flipped = 0;     // one bit of it
  double refuse = 0;      // although somebody listens
  double tiny_reads = 0;  // per read: gives 1 to 16 bytes, whatever has arrived
};

struct SimNetworkOptions {
  Duration delay = std::chrono::microseconds(100);  // half to one and a half of it, each way
  size_t send_buffer_bytes = 64 << 10;
  size_t receive_buffer_bytes = 64 << 10;
  size_t segment_bytes_max = 16 << 10;
  Duration give_up = std::chrono::seconds(15);  // nothing acknowledged for so long: reset
  Duration connect_limit = std::chrono::seconds(20);
};

struct SimNetworkCounts {
  uint64_t connects = 0;
  uint64_t refused = 0;
  uint64_t segments = 0;
  uint64_t slow = 0;
  uint64_t lost = 0;
  uint64_t resets = 0;  // by the fault and by reset_all, in connections
  uint64_t flipped = 0;
  uint64_t held = 0;     // segments that met a cut or clogged link
  uint64_t gave_up = 0;  // ends that timed out
  uint64_t tiny_reads = 0;
};

struct SimStream;
struct SimSegment;
class SimListener;

class SimFabric {
 public:
  SimFabric(SimLoop& loop, Random random);
  ~SimFabric();

  SimNetworkFaults faults;    // may be changed at any time
  SimNetworkOptions options;  // too
  const SimNetworkCounts& counts() const { return counts_; }

  // Nothing gets from `from` to `to`; senders give up after options.give_up. The other direction stays.
  void cut(const std::string& from, const std::string& to);
  // The same, but nobody gives up: everything arrives once unclogged.
  void clog(const std::string& from, const std::string& to);
  // Both directions between each of `side` and every other host.
  void partition(const std::set<std::string>& side);
  void heal(const std::string& from, const std::string& to);  // cuts and clogs
  void heal_all();
  // A reconnect storm: all streams are reset at once.
  void reset_all();
  size_t open_streams() const { return streams_.size(); }

  // ---- For SimProcess.
  void set_powered(const std::string& host, bool powered);
  void process_died(const SimIncarnation& who);
  // At the world's end: lets go of all callbacks, which may own connections.
  void clear();

  // ---- For SimNetwork, its connections and listeners.
  using OwnerPtr = std::shared_ptr<SimIncarnation>;
  Result<std::unique_ptr<Listener>> listen(const OwnerPtr& owner, const std::string& host, const Address& at,
                                           Network::Accepted accepted);
  void connect(const OwnerPtr& owner, const std::string& host, const Address& to,
               Network::Connected connected);
  void forget(const SimListener& listener);
  // stream.cc. `side` is 0 for the end that connected, 1 for the one that accepted.
  void read(SimStream& stream, int side, MutableByteSpan into, Connection::ReadDone done);
  void write(SimStream& stream, int side, std::span<const ByteSpan> pieces, Connection::WriteDone done);
  void close(SimStream& stream, int side);
  // Forgets it once both sides are through.
  void drop_if_over(SimStream& stream);

 private:
  struct Link {
    bool cut = false;
    bool clogged = false;
    bool blocked() const { return cut || clogged; }
  };
  struct Host {
    bool powered = false;
    uint16_t next_port = 30000;
  };
  struct Dialling;

  // network.cc: links, hosts, connecting.
  Link link(const std::string& from, const std::string& to) const;
  int64_t draw_delay(const std::string& from, const std::string& to);
  bool strikes(double probability, uint64_t& count);
  uint16_t free_port(const std::string& host);
  void knock(const std::shared_ptr<Dialling>& dialling);
  void answer(const std::shared_ptr<Dialling>& dialling);
  void settle(const std::shared_ptr<Dialling>& dialling, Result<std::unique_ptr<Connection>> result);
  void accept(const std::shared_ptr<Dialling>& dialling, SimListener& listener);
  void retry_everything();
  void later(int64_t delay_ns, Task task);

  // stream.cc: bytes.
  void fill(SimStream& stream, int side);
  void transmit(SimStream& stream, int side);
  void send(SimStream& stream, int side, SimSegment segment);
  void arrive(SimStream& stream, int side, SimSegment segment);
  void arrive_bytes(SimStream& stream, int side, SimSegment segment);
  void acknowledge(SimStream& stream, int side, size_t bytes);
  void acknowledged(SimStream& stream, int side);
  void arm_give_up(SimStream& stream, int side);
  void send_reset(SimStream& stream, int side);
  void break_end(SimStream& stream, int side, std::string_view why);
  void wake(SimStream& stream, int side);
  void deliver_read(SimStream& stream, int side);
  void deliver_write(SimStream& stream, int side);
  void resume(SimStream& stream);

  SimLoop& loop_;
  Random random_;
  SimNetworkCounts counts_;
  std::map<std::string, Host> hosts_;
  std::map<std::pair<std::string, std::string>, Link> links_;
  std::map<std::pair<std::string, uint16_t>, SimListener*> listeners_;
  std::map<uint64_t, std::shared_ptr<SimStream>> streams_;
  std::vector<std::shared_ptr<Dialling>> dialling_;
  uint64_t next_stream_ = 1;
};

class SimNetwork final : public Network {
 public:
  SimNetwork(SimFabric& fabric, std::shared_ptr<SimIncarnation> owner, std::string host)
      : fabric_(fabric), owner_(std::move(owner)), host_(std::move(host)) {}
  Result<std::unique_ptr<Listener>> listen(const Address& at, Accepted accepted) override;
  void connect(const Address& to, Connected connected) override;

 private:
  SimFabric& fabric_;
  std::shared_ptr<SimIncarnation> owner_;
  std::string host_;
};

}  // namespace revd

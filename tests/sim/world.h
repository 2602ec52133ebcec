// SimWorld: any number of simulated processes in one thread, on one virtual time line, from one seed.
//
//   SimWorld world(seed);
//   SimProcess& node = world.add_process("n1");
//   Backend backend(node.env(), ...);        // can't tell this from Linux
//   world.run_until([&] { ... });
//   node.power_cut();                        // destroy `backend` before or after: both are safe
//   node.start();                            // a fresh Env on what the medium still has
//
// Thread rule: one thread. Ownership: the world owns its processes and all their Envs, dead ones
// included; objects built on an Env must be gone before the world is.
// Determinism: everything is a function of the seed and of the calls; event_hash() proves it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "tests/sim/clock.h"
#include "tests/sim/disk.h"
#include "tests/sim/executor.h"
#include "tests/sim/logger.h"
#include "tests/sim/loop.h"
#include "tests/sim/medium.h"
#include "tests/sim/network.h"

namespace revd {

// A process on a machine of its own, which it shares only with those that were given the same medium.
class SimProcess {
 public:
  SimProcess(SimLoop& loop, SimFabric& fabric, uint32_t number, std::string host,
             std::shared_ptr<SimMedium> medium, Random random);
  ~SimProcess();
  SimProcess(const SimProcess&) = delete;
  SimProcess& operator=(const SimProcess&) = delete;

  const std::string& host() const { return host_; }
  bool running() const { return life().incarnation->alive; }
  // Of the newest life. After a crash the old Env stays valid but inert: nothing that it was asked for
  // is ever answered, and new requests are ignored.
  Env& env() { return life().env; }
  SimDisk& disk() { return life().disk; }
  SimExecutor& executor() { return life().executor; }
  SimClock& clock() { return clock_; }     // the machine's: survives a crash
  SimLogger& logger() { return logger_; }  // too
  SimMedium& medium() { return *medium_; }

  // kill -9: the page cache and what is on the disk stay; the peers see their connections end.
  void kill();
  // The machine loses its power: what wasn't synced is kept, lost or torn; peers hear nothing.
  // SimDisk::crash_after does this. Kill other processes of the same medium first.
  void power_cut();
  SimCrashOptions crash_options;
  // A new life, after kill() or power_cut(). Faults and latencies of the disk carry over. For a wiped
  // disk assign an empty SimMedium to medium() before.
  void start();
  // SIGSTOP and SIGCONT: nothing of the process runs, while its sockets fill.
  void pause();
  void resume();
  // The world ends: the Env becomes inert, nothing else happens.
  void retire() { life().incarnation->alive = false; }

 private:
  struct Life {
    Life(SimProcess& process, std::shared_ptr<SimIncarnation> as);
    std::shared_ptr<SimIncarnation> incarnation;
    SimDisk disk;
    SimExecutor executor;
    SimNetwork network;
    Random random;
    Env env;
  };
  Life& life() { return *lives_.back(); }
  const Life& life() const { return *lives_.back(); }
  void begin_life();
  void end_life(std::string_view how);

  SimLoop& loop_;
  SimFabric& fabric_;
  uint32_t number_;
  std::string host_;
  std::shared_ptr<SimMedium> medium_;
  Random random_;
  SimClock clock_;
  SimLogger logger_;
  std::vector<std::unique_ptr<Life>> lives_;
};

class SimWorld {
 public:
  explicit SimWorld(uint64_t seed);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // A running process. `host` is its name in addresses. A medium may come from an earlier world, or be
  // shared with another process on the same machine; null is an empty disk.
  SimProcess& add_process(const std::string& host, std::shared_ptr<SimMedium> medium = nullptr);
  SimFabric& network() { return fabric_; }
  SimLoop& loop() { return loop_; }
  // For the test's script.
  Random& random() { return random_; }

  // Calls `task` at now + delay: the script of a test, which no crash stops.
  void after(Duration delay, Task task);
  // Runs events until done() is true; false if there are none left, or after events_max.
  bool run_until(const std::function<bool()>& done, uint64_t events_max = 50'000'000);
  void run_for(Duration time);

  Duration now() const { return Duration(loop_.now_ns()); }
  uint64_t event_hash() const { return loop_.hash(); }
  // The last log lines of all processes, for a test that fails.
  std::string logs() const;

 private:
  SimLoop loop_;
  Random random_;
  Random process_seeds_;
  SimFabric fabric_;
  std::vector<std::unique_ptr<SimProcess>> processes_;
};

}  // namespace revd

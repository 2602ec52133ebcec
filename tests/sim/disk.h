// SimDisk: a Disk over a SimMedium in virtual time, with faults and counted crash points.
//
// An operation is in flight from submit() until its effect, which happens in one instant, together
// with its completion. A power cut before that instant finds it done, half done or not begun.
// CHECKs the caller's side of the seam: alignment, a buffer that changed under way, an operation
// submitted twice, a handle that isn't open.
//
// Thread rule: one thread. Borrows the loop and the medium. Errors: as base/disk.h.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "base/disk.h"
#include "base/random.h"
#include "tests/sim/faults.h"
#include "tests/sim/loop.h"
#include "tests/sim/medium.h"

namespace revd {

// A moment at which the power may go: before the effect of an operation that changes the medium (it is
// still in flight), or right after (nobody has been told yet).
struct SimIoPoint {
  enum class Stage : uint8_t { kBefore, kAfter };
  uint64_t number = 0;  // 1, 2, ... ; odd before, even after
  Stage stage = Stage::kBefore;
  const DiskOp& op;
};

class SimDisk final : public Disk {
 public:
  SimDisk(SimLoop& loop, std::shared_ptr<SimIncarnation> owner, SimMedium& medium, Random random);

  void submit(DiskOp& op) override;
  void flush() override {}
  // Virtual time passes for this disk alone: what else falls due meanwhile runs afterwards, late.
  // After a power cut: kIo.
  Result<uint64_t> wait(DiskOp& op) override;
  const char* name() const override { return "simulated"; }

  SimDiskFaults faults;    // may be changed at any time
  SimDiskLatency latency;  // too
  const SimDiskFaultCounts& fault_counts() const { return counts_; }

  // Called at each SimIoPoint. May clone or crash the medium (SimMedium::crash), or cut the power.
  void on_io(std::function<void(const SimIoPoint&)> hook) { hook_ = std::move(hook); }
  // The power goes at I/O point `number` (from 1); 0 takes that back.
  void crash_after(uint64_t number) { crash_point_ = number; }
  uint64_t io_points() const { return io_points_; }
  // What crash_after does; set by the process that owns the disk.
  void on_crash_point(std::function<void()> cut) { cut_power_ = std::move(cut); }

  // Flips bits of one random byte at rest, wherever faults.may_damage allows it. False if there is
  // none.
  bool rot_somewhere();

 private:
  struct Running {
    DiskOp* op = nullptr;
    uint64_t token = 0;  // of the effect in flight at the medium; 0 if it has none
    SimEffect effect;
  };

  void check_usage(const DiskOp& op) const;
  SimEffect effect_of(const DiskOp& op) const;
  Duration draw_latency(const DiskOp& op);
  // Performs what has fallen due. False if the power went: `op` is the caller's again, untold.
  bool finish(const SimLoop::Key& key, DiskOp*& op);
  bool pass_point(SimIoPoint::Stage stage, const DiskOp& op);
  void complete(const SimLoop::Key& key);
  void note(const DiskOp& op, const SimEffect& effect);

  // disk_perform.cc: the operation itself, with its faults.
  Result<uint64_t> perform(DiskOp& op, const SimEffect& effect);
  Result<uint64_t> perform_read(DiskOp& op, SimFileId id);
  Result<uint64_t> perform_write(const DiskOp& op, const SimEffect& effect);
  Result<uint64_t> perform_sync(const SimEffect& effect);
  Result<uint64_t> perform_open(DiskOp& op);
  Result<uint64_t> perform_on_names(DiskOp& op, const SimEffect& effect);
  // A write that the medium takes wrongly, though it says it is fine. False if it goes right.
  bool write_wrongly(const DiskOp& op, const SimEffect& effect);
  bool strikes(double probability, uint64_t& count);
  bool damage_allowed(const std::string& path, uint64_t offset, uint64_t length) const;
  std::string path_of(const DiskOp& op) const;

  SimLoop& loop_;
  std::shared_ptr<SimIncarnation> owner_;
  SimMedium& medium_;
  Random random_;
  std::map<SimLoop::Key, Running> running_;
  SimDiskFaultCounts counts_;
  std::function<void(const SimIoPoint&)> hook_;
  std::function<void()> cut_power_;
  uint64_t io_points_ = 0;
  uint64_t crash_point_ = 0;
};

}  // namespace revd

// UringDisk: the Disk over io_uring.
//
// One ring per disk. Reads, writes, syncs, allocating and punching are ring operations: submit() only
// queues, flush() starts all of them with one io_uring_enter, which also fetches what has ended
// meanwhile. The rest (names, opening, truncating: rare, and without a ring operation on the kernels
// supported, or blocking in it anyway) goes to one helper thread; wait() performs it in place.
//
// Thread rule: base/disk.h; the ring belongs to the thread that created it (SINGLE_ISSUER).
// Limits: kRingEntries operations under way in the kernel, further ones wait in order.
#pragma once

#include <liburing.h>

#include <memory>

#include "base/linux/file_table.h"
#include "base/linux/helper_thread.h"
#include "base/linux/linux_disk.h"

namespace revd::os {

class UringDisk final : public LinuxDisk {
 public:
  static constexpr unsigned kRingEntries = 512;

  // kUnavailable with the reason if the system refuses io_uring or what of it is needed.
  // `pretend_error`, an errno, makes it look as if setting up the ring failed; 0 for the truth.
  static Result<std::unique_ptr<UringDisk>> create(int pretend_error);
  ~UringDisk() override;

  void submit(DiskOp& op) override;
  void flush() override;
  Result<uint64_t> wait(DiskOp& op) override;
  const char* name() const override { return "io_uring"; }

  Status attach(EventLoop& loop) override;
  void shut_down() override;
  bool must_retry() const override { return retry_; }
  void on_events(uint32_t events) override;

 private:
  UringDisk(io_uring ring, Descriptor ended);
  void fill_submission_queue();
  void prepare(DiskOp& op);
  void enter(unsigned wait_for);
  void reap();
  void handle(DiskOp& op, int returned);
  void handle_transfer(DiskOp& op, uint64_t count);
  void finish(DiskOp& op, Result<uint64_t> result);

  io_uring ring_;
  FileTable files_;
  OpQueue pending_;                  // waits for a place in the ring
  OpQueue for_helper_;               // waits for flush()
  unsigned in_flight_ = 0;           // in the ring, from prepare() to reap()
  const DiskOp* awaited_ = nullptr;  // wait() blocks for it
  bool retry_ = false;               // the kernel had no memory for some submissions
  HelperThread helper_;              // its descriptor is signalled by the ring, too
};

}  // namespace revd::os

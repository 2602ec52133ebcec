// LinuxDisk: what both disks of base/linux share: the queue of ended operations and its delivery.
#pragma once

#include "base/disk.h"
#include "base/linux/event_loop.h"
#include "base/linux/op_queue.h"

namespace revd::os {

class LinuxDisk : public Disk, public LoopDisk, public EventHandler {
 public:
  void flush() override = 0;  // of both Disk and LoopDisk

  // Registers with the loop, which must outlive the disk's last round.
  virtual Status attach(EventLoop& loop) = 0;
  // Waits until the kernel and the helper touch no operation any more; calls nobody. For the end.
  virtual void shut_down() = 0;

  bool has_completions() const override { return !completed_.empty(); }
  bool must_retry() const override { return false; }
  void deliver() override {
    OpQueue batch = std::exchange(completed_, {});
    while (!batch.empty()) {
      DiskOp& op = batch.pop();
      // Moved out first: the call may destroy or reuse the operation.
      std::move_only_function<void()> on_done = std::move(op.on_done);
      if (on_done) on_done();
    }
  }

 protected:
  OpQueue completed_;  // ended, on_done not yet called
};

}  // namespace revd::os

// ThreadDisk: the Disk for systems that refuse io_uring: blocking calls on one helper thread.
//
// One operation at a time, in the order of submission: correct everywhere, and slower as soon as more
// than one operation could be under way. Contract and thread rule: base/disk.h.
#pragma once

#include <memory>

#include "base/linux/file_table.h"
#include "base/linux/helper_thread.h"
#include "base/linux/linux_disk.h"

namespace revd::os {

class ThreadDisk final : public LinuxDisk {
 public:
  static Result<std::unique_ptr<ThreadDisk>> create();

  void submit(DiskOp& op) override;
  void flush() override { helper_.submit(std::move(submitted_)); }
  Result<uint64_t> wait(DiskOp& op) override;
  const char* name() const override { return "threads"; }

  Status attach(EventLoop& loop) override;
  void shut_down() override { helper_.shut_down(); }
  void on_events(uint32_t events) override;

 private:
  explicit ThreadDisk(Descriptor ended) : helper_(files_, std::move(ended)) {}

  FileTable files_;
  OpQueue submitted_;
  HelperThread helper_;
};

// A descriptor for HelperThread to signal.
Result<Descriptor> create_ended_descriptor();

}  // namespace revd::os

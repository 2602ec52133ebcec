// HelperThread: one thread that performs operations one after the other, in the order of submission.
//
// Thread rule: all calls on the reactor's thread. The thread starts with the first operation. Borrows
// the file table and the operations. The destructor waits for the operation under way and drops
// those that haven't begun.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/linux/descriptor.h"
#include "base/linux/file_table.h"
#include "base/linux/op_queue.h"

namespace revd::os {

class HelperThread {
 public:
  // `ended` becomes readable (an eventfd, edge by edge) when there is something to collect.
  HelperThread(FileTable& files, Descriptor ended);
  ~HelperThread();
  HelperThread(const HelperThread&) = delete;
  HelperThread& operator=(const HelperThread&) = delete;

  int descriptor() const { return ended_descriptor_.get(); }
  void submit(OpQueue&& ops);
  // Takes what has ended so far, with results set, in order.
  OpQueue collect();
  // Blocks until `op`, submitted before, has ended, and takes it out.
  void wait_for(DiskOp& op);
  // What the destructor does, earlier; nothing may be submitted afterwards.
  void shut_down();

 private:
  void serve();

  FileTable& files_;
  Descriptor ended_descriptor_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable progress_;
  OpQueue waiting_;                  // guarded by mutex_
  OpQueue ended_;                    // guarded by mutex_
  const DiskOp* awaited_ = nullptr;  // guarded by mutex_: wait_for() blocks for it
  bool awaited_ended_ = false;       // guarded by mutex_
  bool stopping_ = false;            // guarded by mutex_
};

}  // namespace revd::os

#include "base/linux/thread_disk.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>

#include "base/linux/system_error.h"

namespace revd::os {

Result<Descriptor> create_ended_descriptor() {
  Descriptor ended(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!ended.valid()) return io_error("eventfd", errno);
  return ended;
}

Result<std::unique_ptr<ThreadDisk>> ThreadDisk::create() {
  TRY_ASSIGN(Descriptor ended, create_ended_descriptor());
  return std::unique_ptr<ThreadDisk>(new ThreadDisk(std::move(ended)));
}

Status ThreadDisk::attach(EventLoop& loop) {
  loop.drive(*this);
  return loop.watch(loop.add_handler(*this), helper_.descriptor(), EPOLLIN | EPOLLET);
}

void ThreadDisk::submit(DiskOp& op) {
  if (op.kind == DiskOp::Kind::kRead || op.kind == DiskOp::Kind::kWrite) check_alignment(op);
  submitted_.push(op);
}

Result<uint64_t> ThreadDisk::wait(DiskOp& op) {
  submit(op);
  flush();
  helper_.wait_for(op);
  return op.result;
}

void ThreadDisk::on_events(uint32_t) { completed_.append(helper_.collect()); }

}  // namespace revd::os

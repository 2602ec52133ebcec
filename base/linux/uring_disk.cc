#include "base/linux/uring_disk.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/linux/system_error.h"
#include "base/linux/thread_disk.h"

namespace revd::os {

namespace {

bool runs_on_ring(DiskOp::Kind kind) {
  switch (kind) {
    case DiskOp::Kind::kRead:
    case DiskOp::Kind::kWrite:
    case DiskOp::Kind::kSync:
    case DiskOp::Kind::kAllocate:
    case DiskOp::Kind::kPunch: return true;
    default: return false;
  }
}

bool has_operations(io_uring& ring) {
  io_uring_probe* probe = io_uring_get_probe_ring(&ring);
  if (probe == nullptr) return false;
  bool all = true;
  for (const int operation : {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC, IORING_OP_FALLOCATE})
    all = all && io_uring_opcode_supported(probe, operation) != 0;
  io_uring_free_probe(probe);
  return all;
}

// 0 or a negative errno, like liburing.
int set_up(io_uring& ring) {
  // Only this thread submits, and completions are worked out when it asks for them, not by
  // interrupting it. Kernels before 6.1 say EINVAL.
  constexpr unsigned kWanted =
      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL;
  const int result = io_uring_queue_init(UringDisk::kRingEntries, &ring, kWanted);
  return result == -EINVAL ? io_uring_queue_init(UringDisk::kRingEntries, &ring, 0) : result;
}

}  // namespace

Result<std::unique_ptr<UringDisk>> UringDisk::create(int pretend_error) {
  io_uring ring{};
  const int result = pretend_error != 0 ? -pretend_error : set_up(ring);
  if (result < 0) return Error(ErrorCode::kUnavailable, str_cat("io_uring_setup: ", errno_text(-result)));
  if (!has_operations(ring)) {
    io_uring_queue_exit(&ring);
    return Error(ErrorCode::kUnavailable, "io_uring: this kernel lacks operations that are needed");
  }
  Result<Descriptor> ended = create_ended_descriptor();
  if (!ended.ok()) {
    io_uring_queue_exit(&ring);
    return std::move(ended).error();
  }
  return std::unique_ptr<UringDisk>(new UringDisk(ring, std::move(*ended)));
}

UringDisk::UringDisk(io_uring ring, Descriptor ended) : ring_(ring), helper_(files_, std::move(ended)) {}

UringDisk::~UringDisk() {
  shut_down();
  io_uring_queue_exit(&ring_);
}

Status UringDisk::attach(EventLoop& loop) {
  // The ring's own descriptor can't be watched: with DEFER_TASKRUN, work that waits to be fetched makes
  // it readable without waking who sleeps on it. A registered eventfd is signalled in that case too.
  const int failed = io_uring_register_eventfd(&ring_, helper_.descriptor());
  if (failed < 0) return io_error("io_uring_register_eventfd", -failed);
  loop.drive(*this);
  return loop.watch(loop.add_handler(*this), helper_.descriptor(), EPOLLIN | EPOLLET);
}

void UringDisk::shut_down() {
  helper_.shut_down();
  // The operations themselves aren't looked at: their owners may be gone, the kernel's part counts.
  while (in_flight_ > 0) {
    enter(1);
    const unsigned ended = io_uring_cq_ready(&ring_);
    io_uring_cq_advance(&ring_, ended);
    in_flight_ -= ended;
  }
}

void UringDisk::submit(DiskOp& op) {
  if (!runs_on_ring(op.kind)) {
    for_helper_.push(op);
    return;
  }
  if (op.kind == DiskOp::Kind::kRead || op.kind == DiskOp::Kind::kWrite) check_alignment(op);
  op.progress = 0;
  pending_.push(op);
}

void UringDisk::flush() {
  helper_.submit(std::move(for_helper_));
  do {  // again if a short transfer came back that must go on
    fill_submission_queue();
    if (io_uring_sq_ready(&ring_) == 0) return;
    enter(0);
    reap();
  } while (!retry_);
}

Result<uint64_t> UringDisk::wait(DiskOp& op) {
  if (!runs_on_ring(op.kind)) {
    flush();
    op.result = files_.perform(op);
    return op.result;
  }
  submit(op);
  awaited_ = &op;
  helper_.submit(std::move(for_helper_));
  while (awaited_ != nullptr) {
    fill_submission_queue();
    enter(1);
    reap();
  }
  return op.result;
}

void UringDisk::on_events(uint32_t) {
  completed_.append(helper_.collect());
  if (in_flight_ == 0) return;  // an echo of completions that flush() or wait() fetched
  enter(0);
  reap();
}

void UringDisk::fill_submission_queue() {
  while (in_flight_ < kRingEntries && !pending_.empty()) prepare(pending_.pop());
}

void UringDisk::prepare(DiskOp& op) {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  CHECK(entry != nullptr);  // at most kRingEntries are under way
  const int file = files_.descriptor(op.file);
  if (op.kind == DiskOp::Kind::kRead) {
    const MutableByteSpan rest = rest_to_read(op);
    io_uring_prep_read(entry, file, rest.data(), static_cast<unsigned>(rest.size()), op.offset + op.progress);
  } else if (op.kind == DiskOp::Kind::kWrite) {
    const ByteSpan rest = rest_to_write(op);
    io_uring_prep_write(entry, file, rest.data(), static_cast<unsigned>(rest.size()),
                        op.offset + op.progress);
    if (op.durable) entry->rw_flags = RWF_DSYNC;  // older than io_uring, so never refused
  } else if (op.kind == DiskOp::Kind::kSync) {
    io_uring_prep_fsync(entry, file, IORING_FSYNC_DATASYNC);
  } else {
    const int mode = op.kind == DiskOp::Kind::kPunch ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE : 0;
    io_uring_prep_fallocate(entry, file, mode, static_cast<off_t>(op.offset), static_cast<off_t>(op.length));
  }
  io_uring_sqe_set_data(entry, &op);
  ++in_flight_;
}

// Starts what is prepared, and works out completions; blocks until `wait_for` of them are there.
void UringDisk::enter(unsigned wait_for) {
  for (;;) {
    int result = 0;
    if (wait_for > 0)
      result = io_uring_submit_and_wait(&ring_, wait_for);
    else
      result = io_uring_submit_and_get_events(&ring_);
    retry_ = result == -EAGAIN || result == -EBUSY;
    if (retry_ && wait_for > 0 && io_uring_cq_ready(&ring_) == 0) continue;
    if (result >= 0 || retry_) break;
    CHECK_MSG(result == -EINTR, str_cat("io_uring_enter: ", errno_text(-result)));
  }
  // Without SUBMIT_ALL the kernel stops at an entry that it refuses (which then completes with its error).
  if (!retry_) retry_ = io_uring_sq_ready(&ring_) > 0;
}

void UringDisk::reap() {
  unsigned head = 0;
  unsigned count = 0;
  io_uring_cqe* entry = nullptr;
  io_uring_for_each_cqe(&ring_, head, entry) {
    ++count;
    handle(*static_cast<DiskOp*>(io_uring_cqe_get_data(entry)), entry->res);
  }
  io_uring_cq_advance(&ring_, count);
  in_flight_ -= count;
}

void UringDisk::handle(DiskOp& op, int returned) {
  const bool transfers = op.kind == DiskOp::Kind::kRead || op.kind == DiskOp::Kind::kWrite;
  // A transfer that didn't begin may be repeated, a sync never (base/disk.h).
  if (transfers && (returned == -EINTR || returned == -EAGAIN))
    pending_.push(op);
  else if (returned < 0)
    finish(op, files_.error(op, -returned));
  else if (transfers)
    handle_transfer(op, static_cast<uint64_t>(returned));
  else
    finish(op, uint64_t{0});
}

void UringDisk::handle_transfer(DiskOp& op, uint64_t count) {
  const bool reads = op.kind == DiskOp::Kind::kRead;
  const uint64_t size = reads ? op.read_into.size() : op.write_from.size();
  const uint64_t done = op.progress + count;
  if (reads && done < size) {
    const Result<bool> ended = count == 0 ? Result<bool>(true) : files_.at_end(op, done);
    if (!ended.ok()) return finish(op, ended.error());
    if (*ended) return finish(op, done);
  }
  if (done == size) return finish(op, done);
  op.progress = resume_transfer_at(op.progress, done);
  pending_.push(op);
}

void UringDisk::finish(DiskOp& op, Result<uint64_t> result) {
  op.result = std::move(result);
  if (&op == awaited_)
    awaited_ = nullptr;
  else
    completed_.push(op);
}

}  // namespace revd::os

#include "wal/disk_work.h"

#include "base/mutant.h"

namespace revd::wal {

DurableWrite::DurableWrite(Core& core, std::function<void(const Status&)> done)
    : core_(core), done_(std::move(done)) {}

void DurableWrite::start(FileHandle file, uint64_t offset, ByteSpan bytes) {
  CHECK(!running_);
  running_ = true;
  retrying_ = false;
  core_.begin_operation();
  op_.file = file;
  op_.offset = offset;
  op_.write_from = bytes;
  op_.durable = !core_.options.use_fdatasync;
  submit(DiskOp::Kind::kWrite);
}

void DurableWrite::submit(DiskOp::Kind kind) {
  op_.kind = kind;
  op_.on_done = [this] { on_done(); };
  core_.env.disk.submit(op_);
}

void DurableWrite::on_done() {
  if (op_.result.ok()) {
    if (op_.kind == DiskOp::Kind::kWrite && !op_.durable) return submit(DiskOp::Kind::kSync);
    return finish({});
  }
  if (MUTANT(FsyncRetry) && !retrying_) {
    retrying_ = true;
    return submit(DiskOp::Kind::kSync);
  }
  finish(op_.result.error());
}

void DurableWrite::finish(const Status& status) {
  running_ = false;
  Core& core = core_;
  if (!core.abandoned()) done_(status);
  core.end_operation();
}

void DiskSequence::start(PrepareStep prepare, StatusDone done) {
  CHECK(!running_);
  running_ = true;
  prepare_ = std::move(prepare);
  done_ = std::move(done);
  core_.begin_operation();
  op_.result = uint64_t{0};
  next();
}

void DiskSequence::next() {
  Core& core = core_;
  const bool go_on = op_.result.ok() && !core.abandoned() && prepare_(op_);
  if (go_on) {
    op_.on_done = [this] { next(); };
    return core.env.disk.submit(op_);
  }
  running_ = false;
  prepare_ = nullptr;
  StatusDone done = std::move(done_);
  const Status status = op_.result.ok() ? Status() : Status(op_.result.error());
  if (!core.abandoned()) done(status);
  core.end_operation();
}

Status run_sequence(Disk& disk, PrepareStep prepare) {
  DiskOp op;
  while (prepare(op)) TRY(disk.wait(op));
  return {};
}

void prepare_file_op(DiskOp& op, DiskOp::Kind kind) {
  op.kind = kind;
  op.durable = false;
  op.offset = 0;
  op.length = 0;
  op.write_from = {};
  op.read_into = {};
}

void prepare_write(DiskOp& op, uint64_t offset, ByteSpan bytes, bool durable) {
  prepare_file_op(op, DiskOp::Kind::kWrite);
  op.offset = offset;
  op.write_from = bytes;
  op.durable = durable;
}

void prepare_rename(DiskOp& op, std::string from, std::string to) {
  prepare_path_op(op, DiskOp::Kind::kRename, std::move(from));
  op.path2 = std::move(to);
}

void prepare_path_op(DiskOp& op, DiskOp::Kind kind, std::string path) {
  prepare_file_op(op, kind);
  op.path = std::move(path);
}

}  // namespace revd::wal

#include "wal/spares.h"

#include <algorithm>

namespace revd::wal {

namespace {

constexpr size_t kFillChunkBytes = 256 << 10;
constexpr Duration kFullDiskRetry = std::chrono::seconds(1);

}  // namespace

SpareCreation::SpareCreation(std::string directory, uint64_t id, uint64_t bytes)
    : directory_(std::move(directory)),
      id_(id),
      bytes_(bytes),
      zeros_(static_cast<size_t>(std::min<uint64_t>(bytes, kFillChunkBytes))) {
  std::ranges::fill(zeros_.span(), std::byte{0});
}

std::string SpareCreation::unfinished_path() const {
  return str_cat(directory_, "/", unfinished_spare_name(id_));
}

bool SpareCreation::next(DiskOp& op) {
  switch (step_) {
    case Step::kOpen:
      prepare_path_op(op, DiskOp::Kind::kOpen, unfinished_path());
      op.open = {.create = true, .exclusive = true};
      step_ = Step::kFill;
      return true;
    case Step::kFill: {
      file_ = op.file;
      if (filled_ == bytes_) {
        prepare_file_op(op, DiskOp::Kind::kSync);
        step_ = Step::kRename;
        return true;
      }
      const auto chunk = static_cast<size_t>(std::min<uint64_t>(zeros_.size(), bytes_ - filled_));
      prepare_write(op, filled_, zeros_.span().first(chunk), false);
      filled_ += chunk;
      return true;
    }
    case Step::kRename:
      prepare_rename(op, unfinished_path(), str_cat(directory_, "/", spare_name(id_)));
      step_ = Step::kDone;
      return true;
    case Step::kDone: break;
  }
  return false;
}

SegmentInstallation::SegmentInstallation(std::string directory, Spare spare, const SegmentHeader& header)
    : directory_(std::move(directory)), spare_(spare), number_(header.number), block_(kBlockBytes) {
  encode_segment_header(header, block_.span());
}

bool SegmentInstallation::next(DiskOp& op) {
  switch (step_) {
    case Step::kHeader:
      op.file = spare_.file;
      prepare_write(op, 0, block_.span(), false);
      step_ = Step::kSync;
      return true;
    case Step::kSync:
      prepare_file_op(op, DiskOp::Kind::kSync);
      step_ = Step::kRename;
      return true;
    case Step::kRename:
      prepare_rename(op, str_cat(directory_, "/", spare_name(spare_.id)),
                     str_cat(directory_, "/", segment_name(number_)));
      step_ = Step::kSyncDirectory;
      return true;
    case Step::kSyncDirectory:
      prepare_path_op(op, DiskOp::Kind::kSyncDirectory, directory_);
      step_ = Step::kDone;
      return true;
    case Step::kDone: break;
  }
  return false;
}

SparePool::SparePool(Core& core, uint64_t next_id)
    : core_(core), next_id_(next_id), sequence_(core), retry_(core.env.executor) {}

void SparePool::add(Spare spare) {
  spares_.push_back(spare);
  serve();
}

void SparePool::take(Taken taken) {
  CHECK(!waiting_);
  waiting_ = std::move(taken);
  serve();
  replenish();
}

void SparePool::serve() {
  if (!waiting_ || spares_.empty()) return;
  const Spare spare = spares_.front();
  spares_.pop_front();
  Taken taken = std::move(waiting_);
  waiting_ = nullptr;
  taken(spare);
}

void SparePool::replenish() {
  if (sequence_.running() || retry_.running() || core_.failure()) return;
  const size_t wanted = core_.options.spares_ready + (waiting_ ? 1 : 0);
  if (spares_.size() >= wanted) return;
  creation_ =
      std::make_unique<SpareCreation>(core_.options.directory, next_id(), core_.options.segment_bytes);
  sequence_.start([this](DiskOp& op) { return creation_->next(op); },
                  [this](const Status& status) { on_created(status); });
}

void SparePool::on_created(const Status& status) {
  if (!status.ok()) return give_up(status.error());
  ++core_.statistics.spares_created;
  add(creation_->spare());
  replenish();
}

// A full disk is no failure of the log as long as nothing was promised: what was begun is
// removed, and tried again after a while. Anything else is the disk failing.
void SparePool::give_up(const Error& error) {
  if (error.code() != ErrorCode::kResourceExhausted) return core_.fail(error);
  core_.env.logger.warning("wal", "no room for a spare segment", {{"error", error.text()}});
  const FileHandle file = creation_->spare().file;
  sequence_.start(
      [path = creation_->unfinished_path(), file, step = 0](DiskOp& op) mutable {
        if (step == 0 && file == kNoFile) return false;
        ++step;
        if (step == 1) {
          op.file = file;
          prepare_file_op(op, DiskOp::Kind::kClose);
        } else if (step == 2) {
          prepare_path_op(op, DiskOp::Kind::kRemove, path);
        }
        return step <= 2;
      },
      [this](const Status& removed) {
        if (!removed.ok()) return core_.fail(removed.error());
        retry_.start(kFullDiskRetry, [this] { replenish(); });
      });
}

}  // namespace revd::wal

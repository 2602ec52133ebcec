#include "wal/segments.h"

#include <algorithm>

namespace revd::wal {

SegmentStore::SegmentStore(Core& core, DurableLog& log, TermTable& terms, std::deque<Segment> segments,
                           std::deque<Spare> spares, uint64_t next_spare_id)
    : core_(core),
      log_(log),
      terms_(terms),
      segments_(std::move(segments)),
      pool_(core, next_spare_id),
      install_sequence_(core),
      retire_sequence_(core),
      zero_block_(kBlockBytes) {
  CHECK(!segments_.empty());
  std::ranges::fill(zero_block_.span(), std::byte{0});
  for (const Spare& spare : spares) pool_.add(spare);
}

SegmentStore::~SegmentStore() {
  if (!core_.idle()) return;  // executor and disk have ended, and the files with them
  // What was to be durable is; an error of close has nobody left to act on it.
  for (const Segment& segment : segments_) static_cast<void>(close_file(core_.env.disk, segment.file));
  for (const Spare& spare : pool_.spares()) static_cast<void>(close_file(core_.env.disk, spare.file));
}

Segment& SegmentStore::at(uint64_t number) {
  const uint64_t first = segments_.front().number();
  CHECK(number >= first && number - first < segments_.size());
  return segments_[static_cast<size_t>(number - first)];
}

void SegmentStore::start_next(const SegmentHeader& header, std::move_only_function<void()> done) {
  CHECK(header.number == current().number() + 1);
  pool_.take([this, header, done = std::move(done)](Spare spare) mutable {
    installation_ = std::make_unique<SegmentInstallation>(core_.options.directory, spare, header);
    install_sequence_.start([this](DiskOp& op) { return installation_->next(op); },
                            [this, spare, header, done = std::move(done)](const Status& status) mutable {
                              if (!status.ok()) return core_.fail(status.error());
                              segments_.push_back({.file = spare.file, .header = header});
                              ++core_.statistics.segments_started;
                              done();
                              recycle();
                            });
  });
}

void SegmentStore::set_floor(LogIndex index, uint64_t first_segment) {
  floor_ = std::max(floor_, index);
  first_segment_kept_ = first_segment;
  recycle();
}

// The second segment's base is the highest index that its predecessors can hold (some of it may
// have been cut since, so this errs on the side of keeping).
bool SegmentStore::front_is_free() const {
  if (segments_.size() < 2 || segments_.front().users > 0) return false;
  const std::optional<uint64_t> pinned = log_.pinned_segment();
  if (pinned && segments_.front().number() >= *pinned) return false;
  if (segments_.front().number() >= first_segment_kept_) return false;
  return segments_[1].header.base.index < floor_;
}

void SegmentStore::recycle() {
  if (retire_sequence_.running() || core_.failure() || core_.abandoned() || !front_is_free()) return;
  retire_front();
}

void SegmentStore::retire_front() {
  const Segment front = segments_.front();
  segments_.pop_front();
  log_.drop_segments_below(segments_.front().number());
  terms_.advance_base(log_.base());

  const bool keep = !pool_.full() && front.header.segment_bytes == core_.options.segment_bytes;
  const uint64_t id = pool_.next_id();
  retire_sequence_.start(
      [this, front, id, keep, step = 0](DiskOp& op) mutable {
        const std::string name = core_.path(segment_name(front.number()));
        switch (step++) {
          case 0:
            if (keep)
              prepare_rename(op, name, core_.path(spare_name(id)));
            else
              prepare_path_op(op, DiskOp::Kind::kRemove, name);
            return true;
          case 1: prepare_path_op(op, DiskOp::Kind::kSyncDirectory, core_.options.directory); return true;
          case 2:
            op.file = front.file;
            // Without a header none of its old batches can be valid, so that open needn't search it.
            if (keep)
              prepare_write(op, 0, zero_block_.span(), false);
            else
              prepare_file_op(op, DiskOp::Kind::kClose);
            return true;
          default: return false;
        }
      },
      [this, file = front.file, id, keep](const Status& status) { on_retired(status, file, id, keep); });
}

void SegmentStore::on_retired(const Status& status, FileHandle file, uint64_t spare_id, bool keep) {
  if (!status.ok()) return core_.fail(status.error());
  ++core_.statistics.segments_recycled;
  if (keep) pool_.add({.id = spare_id, .file = file});
  recycle();
}

}  // namespace revd::wal

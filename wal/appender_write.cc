// Appender's way to the disk: numbering, filling segments, starting the next one.
#include "base/mutant.h"
#include "wal/appender.h"

namespace revd::wal {

// Deferred to the end of the reactor's round, so that all its appends share one write.
void Appender::pump_soon() {
  if (pump_posted_ || settling_ || switching_) return;
  if (in_flight_.size() >= core_.options.write_depth) return;  // the next completion pumps
  pump_posted_ = true;
  core_.post([this] {
    pump_posted_ = false;
    pump();
  });
}

void Appender::pump() {
  if (settling_ || core_.failure()) return;
  call_flush_waiters();
  const bool idle = queue_.empty() && in_flight_.empty() && !switching_;
  if (idle && !flush_waiters_.empty()) enqueue_seal();
  while (!queue_.empty() && !switching_ && in_flight_.size() < core_.options.write_depth) {
    if (!fits(*queue_.front())) return start_switch();
    BatchPtr batch = std::move(queue_.front());
    queue_.pop_front();
    submit(std::move(batch));
  }
}

bool Appender::fits(const Batch& batch) const {
  const uint64_t end = tail_.offset + (uint64_t{batch.blocks()} + 1) * kBlockBytes;
  return end <= segments_.current().header.segment_bytes;
}

BatchHeader Appender::header() const {
  BatchHeader header;
  header.log = core_.identity.log.short_form();
  header.sequence = tail_.next_sequence;
  header.previous_hash = tail_.previous_hash;
  header.acknowledged = acknowledged_;
  header.commit = commit_;
  header.run = core_.run;
  return header;
}

// The naming batch is built first, since the new header carries its hash, and written last: only
// when the new segment is durably in its place may anything say that it exists.
void Appender::start_switch() {
  switching_ = true;
  const Segment& current = segments_.current();
  const Successor successor{.number = current.number() + 1, .salt = core_.env.random.next()};
  BatchPtr naming = new_batch();
  --next_ordinal_;  // it overtakes what is queued
  naming->reset(written_end_, 0);
  add(*naming, successor);
  naming->covers_ordinal = acknowledged_ordinal_;
  const uint64_t checksum = naming->finish(header(), current.header.salt);
  const SegmentHeader next{.identity = core_.identity,
                           .segment_bytes = core_.options.segment_bytes,
                           .number = successor.number,
                           .salt = successor.salt,
                           .previous_hash = checksum,
                           .first_sequence = tail_.next_sequence + 1,
                           .base = written_end_};
  segments_.start_next(next, [this, naming = std::move(naming), checksum, file = current.file,
                              segment = current.number()]() mutable {
    const BatchPlace place{
        .segment = segment, .offset = tail_.offset, .blocks = 1, .sequence = tail_.next_sequence};
    write(std::move(naming), file, place, checksum);
    tail_.offset = kBlockBytes;
    switching_ = false;
    pump();
  });
}

void Appender::submit(BatchPtr batch) {
  batch->covers_ordinal = acknowledged_ordinal_;
  const Segment& current = segments_.current();
  const uint64_t checksum = batch->finish(header(), current.header.salt);
  const BatchPlace place{.segment = current.number(),
                         .offset = tail_.offset,
                         .blocks = batch->blocks(),
                         .sequence = tail_.next_sequence};
  write(std::move(batch), current.file, place, checksum);
}

void Appender::write(BatchPtr batch, FileHandle file, const BatchPlace& place, uint64_t checksum) {
  tail_.offset = place.offset + uint64_t{place.blocks} * kBlockBytes;
  tail_.next_sequence = place.sequence + 1;
  tail_.previous_hash = checksum;
  written_end_ = batch->end();
  ++(batch->empty() ? core_.statistics.seals : core_.statistics.batches);
  core_.statistics.written_bytes += uint64_t{place.blocks} * kBlockBytes;
  ++segments_.at(place.segment).users;
  Batch& written = *batch;
  in_flight_.push_back(std::move(batch));
  written.write(file, place, core_.env.clock.now());
  if (MUTANT(AckBeforeFsync)) written.call_waiters(nullptr);
}

}  // namespace revd::wal

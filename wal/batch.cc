#include "wal/batch.h"

#include <algorithm>

namespace revd::wal {

// Keeps the summary in step with what is encoded.
struct Batch::Note {
  Batch& batch;
  void operator()(const Entry& entry) const {
    if (batch.summary_.entry_count++ == 0) batch.summary_.first = entry.index;
    batch.end_ = {.index = entry.index, .term = entry.term};
  }
  void operator()(const CutTail& cut) const {
    batch.summary_.cut = cut;
    batch.end_ = cut.last;
  }
  void operator()(const Successor& successor) const { batch.summary_.successor = successor; }
  void operator()(const CheckpointRecord& record) const { batch.summary_.checkpoints.push_back(record); }
  void operator()(const SnapshotSwitch& record) const {
    batch.summary_.snapshot = record;
    if (!record.tail_kept) batch.end_ = record.last;
  }
};

Batch::Batch(Core& core, std::function<void(Batch&, const Status&)> on_written)
    : memory_(core.options.max_batch_bytes),
      write_(core, [this, on_written = std::move(on_written)](const Status& status) {
        on_written(*this, status);
      }) {}

void Batch::reset(LogPosition end, uint64_t ordinal) {
  CHECK(!writing() && waiters_.empty());
  used_ = kBatchHeaderBytes;
  record_count_ = 0;
  summary_ = {};
  end_ = end;
  ordinal_ = ordinal;
  durable = false;
  covers_ordinal = 0;
}

void Batch::add(const Record& record) {
  CHECK(revd::wal::record_bytes(record) <= room());
  used_ += encode_record(record, memory_.data() + used_);
  ++record_count_;
  std::visit(Note{*this}, record);
}

uint64_t Batch::finish(BatchHeader header, uint64_t salt) {
  const size_t length = blocks() * kBlockBytes;
  std::ranges::fill(memory_.span().subspan(used_, length - used_), std::byte{0});
  header.record_count = record_count_;
  header.bytes_used = static_cast<uint32_t>(used_);
  return seal_batch(header, salt, memory_.span().first(length));
}

void Batch::write(FileHandle file, const BatchPlace& place, Instant now) {
  place_ = place;
  submitted_ = now;
  write_.start(file, place.offset, memory_.span().first(place.blocks * kBlockBytes));
}

void Batch::call_waiters(const Error* failure) {
  calling_.swap(waiters_);
  for (Waiter& waiter : calling_)
    waiter.done(failure == nullptr ? Result<AppendToken>(waiter.token) : Result<AppendToken>(*failure));
  calling_.clear();
}

}  // namespace revd::wal

#include "wal/scan.h"

#include <algorithm>

#include "base/strings.h"

namespace revd::wal {

namespace {

constexpr uint64_t kWindowBytes = 1 << 20;

Error malformed(std::string what) { return {ErrorCode::kDataLoss, std::move(what)}; }

// Applies one record to the summary and the terms.
struct Replay {
  BatchSummary& summary;
  TermTable& terms;
  bool first;

  Status operator()(const Entry& entry) const {
    if (entry.index != terms.last().index.next() || entry.term < terms.last().term)
      return malformed(str_cat("entry ", entry.index.value(), " of term ", entry.term.value(),
                               " after entry ", terms.last().index.value(), " of term ",
                               terms.last().term.value()));
    if (summary.entry_count++ == 0) summary.first = entry.index;
    terms.append(entry.term);
    return {};
  }
  Status operator()(const CutTail& cut) const {
    if (!first || cut.last.index > terms.last().index) return malformed("misplaced cut record");
    summary.cut = cut;
    terms.cut(cut.last);
    return {};
  }
  Status operator()(const Successor& successor) const {
    summary.successor = successor;
    return {};
  }
  Status operator()(const CheckpointRecord& record) const {
    summary.checkpoints.push_back(record);
    return {};
  }
  Status operator()(const SnapshotSwitch& record) const {
    if (!first) return malformed("misplaced snapshot record");
    summary.snapshot = record;
    if (!record.tail_kept) terms.restart(record.last);
    return {};
  }
};

}  // namespace

SegmentScanner::SegmentScanner(Disk& disk, FileHandle file, uint64_t log, uint64_t salt, uint64_t limit)
    : disk_(disk), file_(file), log_(log), salt_(salt), limit_(limit) {}

Result<ByteSpan> SegmentScanner::bytes_at(uint64_t offset, uint64_t bytes) {
  CHECK(offset % kBlockBytes == 0 && offset + bytes <= limit_);
  if (offset < window_offset_ || offset + bytes > window_offset_ + window_bytes_) {
    const uint64_t wanted = std::min(std::max(bytes, kWindowBytes), limit_ - offset);
    if (window_.size() < wanted) window_ = AlignedBuffer(static_cast<size_t>(wanted));
    window_bytes_ = 0;
    const MutableByteSpan into = window_.span().first(static_cast<size_t>(wanted));
    Status read = read_exactly(disk_, file_, offset, into);
    if (!read.ok()) read = read_exactly(disk_, file_, offset, into);  // once more, as with every read
    TRY(std::move(read));
    window_offset_ = offset;
    window_bytes_ = wanted;
  }
  return ByteSpan(window_.span())
      .subspan(static_cast<size_t>(offset - window_offset_), static_cast<size_t>(bytes));
}

Result<std::optional<FoundBatch>> SegmentScanner::batch_at(uint64_t offset) {
  if (offset + kBlockBytes > limit_) return none("the segment ends here");
  TRY_ASSIGN(const ByteSpan front, bytes_at(offset, kBlockBytes));
  const std::optional<BatchHeader> header = decode_batch_header(front, limit_ - offset);
  if (!header) return none("no batch header");
  if (header->log != log_) return none("a batch of another log");
  TRY_ASSIGN(const ByteSpan batch, bytes_at(offset, uint64_t{header->blocks} * kBlockBytes));
  if (batch_checksum(batch, salt_) != header->checksum) return none("wrong checksum");
  return std::optional<FoundBatch>(
      {.header = *header,
       .offset = offset,
       .records = batch.subspan(kBatchHeaderBytes, header->bytes_used - kBatchHeaderBytes)});
}

Result<std::optional<SegmentScanner::Claim>> SegmentScanner::find_claim(uint64_t from, uint64_t sequence) {
  for (uint64_t offset = from; offset < limit_;) {
    TRY_ASSIGN(const std::optional<FoundBatch> found, batch_at(offset));
    if (!found) {
      offset += kBlockBytes;
      continue;
    }
    const BatchHeader& header = found->header;
    if (header.acknowledged >= sequence)
      return std::optional<Claim>(
          {.offset = offset, .sequence = header.sequence, .acknowledged = header.acknowledged});
    offset += uint64_t{header.blocks} * kBlockBytes;
  }
  return std::optional<Claim>();
}

Result<BatchSummary> replay_batch(const FoundBatch& batch, TermTable& terms) {
  BatchSummary summary;
  RecordReader reader(batch.records, batch.header.record_count);
  for (bool first = true;; first = false) {
    TRY_ASSIGN(const std::optional<Record> record, reader.next());
    if (!record) return summary;
    TRY(std::visit(Replay{summary, terms, first}, *record));
  }
}

}  // namespace revd::wal

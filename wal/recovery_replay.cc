// Recovery's second step: replay what is whole, and judge what isn't.
#include "base/mutant.h"
#include "base/strings.h"
#include "wal/recovery.h"
#include "wal/scan.h"

namespace revd::wal {

namespace {

// The state of one replay.
class Replayer {
 public:
  Replayer(Disk& disk, const WalOptions& options, const LogDirectory& directory)
      : disk_(disk), options_(options), directory_(directory) {}

  Result<Replay> run();

 private:
  const SegmentFile& segment() const { return directory_.segments[replay_.segment_count - 1]; }
  uint64_t next_index() const { return replay_.terms.last().index.value() + 1; }
  Error damage(const std::string& name, uint64_t offset, const std::string& what) const;
  SegmentScanner scanner_for(const SegmentFile& file) const;

  Status begin();
  // Replays segment() to its end: the successor it names, or nullopt where the log ends.
  Result<std::optional<Successor>> replay_segment();
  Result<BatchSummary> take(const FoundBatch& batch);
  Status enter(const Successor& successor);
  Status judge(SegmentScanner& scanner, const std::string& reason);
  // Who says that batch `sequence` or a later one was acknowledged; empty if nobody does.
  Result<std::string> find_witness(SegmentScanner& scanner, uint64_t sequence);
  Result<std::string> find_witness_in(const SegmentFile& file, SegmentScanner& scanner, uint64_t from,
                                      uint64_t sequence);

  Disk& disk_;
  const WalOptions& options_;
  const LogDirectory& directory_;
  Replay replay_;
};

Error Replayer::damage(const std::string& name, uint64_t offset, const std::string& what) const {
  return {ErrorCode::kDataLoss,
          str_cat(options_.directory, "/", name, ": offset ", offset, ", index ", next_index(), ": ", what)};
}

SegmentScanner Replayer::scanner_for(const SegmentFile& file) const {
  return {disk_, file.file, replay_.identity.log.short_form(), file.header->salt, file.size};
}

Result<Replay> Replayer::run() {
  TRY(begin());
  for (;;) {
    TRY_ASSIGN(const std::optional<Successor> successor, replay_segment());
    if (!successor) break;
    TRY(enter(*successor));
  }
  if (options_.start_segment > segment().number)
    return damage(
        segment_name(options_.start_segment), 0,
        str_cat("replay should start in this segment, but the log ends in segment ", segment().number));
  return std::move(replay_);
}

Status Replayer::begin() {
  const SegmentFile& lowest = directory_.segments.front();
  replay_.segment_count = 1;
  if (options_.start_segment != 0 && lowest.number > options_.start_segment)
    return damage(segment_name(options_.start_segment), 0,
                  "replay should start in this segment, but it is missing");
  if (!lowest.header)
    return Error(ErrorCode::kDataLoss, str_cat(options_.directory, "/", lowest.name,
                                               ": offset 0, index unknown: the log's lowest segment has an "
                                               "unreadable header"));
  replay_.identity = lowest.header->identity;
  if (options_.expected_log && *options_.expected_log != replay_.identity.log)
    return Error(ErrorCode::kFailedPrecondition,
                 str_cat(options_.directory, " holds log ", replay_.identity.log.to_string(),
                         ", expected was ", options_.expected_log->to_string()));
  replay_.terms = TermTable(lowest.header->base);
  replay_.log = DurableLog(lowest.header->base.index);
  replay_.tail = {.offset = kBlockBytes,
                  .next_sequence = lowest.header->first_sequence,
                  .previous_hash = lowest.header->previous_hash};
  return {};
}

Result<std::optional<Successor>> Replayer::replay_segment() {
  SegmentScanner scanner = scanner_for(segment());
  TailPosition& tail = replay_.tail;
  for (;;) {
    TRY_ASSIGN(const std::optional<FoundBatch> batch, scanner.batch_at(tail.offset));
    std::string reason = scanner.reason();
    if (batch && batch->header.sequence != tail.next_sequence)
      reason = str_cat("it is batch ", batch->header.sequence);
    else if (batch && batch->header.previous_hash != tail.previous_hash)
      reason = "it follows another batch than the one before it";
    else if (batch)
      reason.clear();
    if (!batch || !reason.empty()) {
      TRY(judge(scanner, reason));
      return std::optional<Successor>();
    }
    TRY_ASSIGN(const BatchSummary summary, take(*batch));
    if (summary.successor) return summary.successor;
  }
}

Result<BatchSummary> Replayer::take(const FoundBatch& batch) {
  const BatchHeader& header = batch.header;
  Result<BatchSummary> summary = replay_batch(batch, replay_.terms);
  if (!summary.ok()) return damage(segment().name, batch.offset, summary.error().text());
  const BatchPlace place{.segment = segment().number,
                         .offset = batch.offset,
                         .blocks = header.blocks,
                         .sequence = header.sequence};
  replay_.log.apply(*summary, place);
  replay_.commit = std::max(replay_.commit, header.commit);
  replay_.tail = {.offset = batch.offset + uint64_t{header.blocks} * kBlockBytes,
                  .next_sequence = header.sequence + 1,
                  .previous_hash = header.checksum};
  return summary;
}

// A named segment was durable, with this header and under its name, before it was named.
Status Replayer::enter(const Successor& successor) {
  const std::string name = segment_name(successor.number);
  const size_t next = replay_.segment_count;
  if (successor.number != segment().number + 1)
    return damage(segment().name, replay_.tail.offset, str_cat("it names ", name, " as its successor"));
  if (next >= directory_.segments.size() || directory_.segments[next].number != successor.number)
    return damage(name, 0, str_cat(segment().name, " names this segment, but it is missing"));
  const std::optional<SegmentHeader>& header = directory_.segments[next].header;
  if (!header)
    return damage(name, 0, str_cat(segment().name, " names this segment, but its header is unreadable"));
  const bool follows = header->salt == successor.salt && header->identity == replay_.identity &&
                       header->first_sequence == replay_.tail.next_sequence &&
                       header->previous_hash == replay_.tail.previous_hash &&
                       header->base == replay_.terms.last();
  if (!follows)
    return damage(name, 0, str_cat("its header doesn't follow ", segment().name, ", which names it"));
  replay_.tail.offset = kBlockBytes;
  ++replay_.segment_count;
  return {};
}

Status Replayer::judge(SegmentScanner& scanner, const std::string& reason) {
  const TailPosition& tail = replay_.tail;
  TRY_ASSIGN(const std::string witness, find_witness(scanner, tail.next_sequence));
  if (witness.empty() || MUTANT(RotAsTorn)) return {};
  return damage(segment().name, tail.offset,
                str_cat("batch ", tail.next_sequence, " is damaged (", reason, "), and ", witness));
}

Result<std::string> Replayer::find_witness(SegmentScanner& scanner, uint64_t sequence) {
  if (options_.acknowledged_sequence >= sequence)
    return str_cat("the superblock says that batch ", options_.acknowledged_sequence, " was acknowledged");
  TRY_ASSIGN(std::string here, find_witness_in(segment(), scanner, replay_.tail.offset, sequence));
  if (!here.empty()) return here;
  // Segments above the last named one, and spares that still have a header of this log.
  for (const auto* files : {&directory_.segments, &directory_.spares}) {
    const size_t first = files == &directory_.segments ? replay_.segment_count : 0;
    for (size_t i = first; i < files->size(); ++i) {
      const SegmentFile& file = (*files)[i];
      if (!file.header || file.header->identity.log != replay_.identity.log) continue;
      SegmentScanner other = scanner_for(file);
      TRY_ASSIGN(std::string there, find_witness_in(file, other, kBlockBytes, sequence));
      if (!there.empty()) return there;
    }
  }
  return std::string();
}

Result<std::string> Replayer::find_witness_in(const SegmentFile& file, SegmentScanner& scanner, uint64_t from,
                                              uint64_t sequence) {
  TRY_ASSIGN(const std::optional<SegmentScanner::Claim> claim, scanner.find_claim(from, sequence));
  if (!claim) return std::string();
  return str_cat("batch ", claim->sequence, " at offset ", claim->offset, " of ", file.name,
                 " says that batch ", claim->acknowledged, " was acknowledged");
}

}  // namespace

Result<Replay> replay_log(Disk& disk, const WalOptions& options, const LogDirectory& directory) {
  CHECK(!directory.segments.empty());
  return Replayer(disk, options, directory).run();
}

}  // namespace revd::wal

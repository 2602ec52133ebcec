#include "wal/entry_reader.h"

#include <algorithm>

namespace revd::wal {

namespace {

// Adds the entries of [first, last] in `batch`, whole and as read, until `max_bytes` of payload are
// there; at least one. False once the chunk is full.
Result<bool> add_entries(ByteSpan batch, const SegmentHeader& segment, const BatchPlace& place,
                         LogIndex first, LogIndex last, size_t max_bytes, size_t& bytes,
                         std::vector<Entry>& entries) {
  const std::optional<BatchHeader> header = decode_batch_header(batch, batch.size());
  if (!header || header->blocks != place.blocks || header->sequence != place.sequence ||
      batch_checksum(batch, segment.salt) != header->checksum)
    return Error(ErrorCode::kDataLoss, "the batch is damaged");
  RecordReader reader(batch.subspan(kBatchHeaderBytes, header->bytes_used - kBatchHeaderBytes),
                      header->record_count);
  for (;;) {
    TRY_ASSIGN(const std::optional<Record> record, reader.next());
    if (!record) return true;
    const Entry* entry = std::get_if<Entry>(&*record);
    if (entry == nullptr || entry->index < first || entry->index > last) continue;
    if (!entries.empty() && bytes + entry->payload.size() > max_bytes) return false;
    bytes += entry->payload.size();
    entries.push_back(*entry);
  }
}

}  // namespace

struct EntryReader::Request {
  DiskOp op;
  LogIndex next;
  LogIndex last;
  size_t max_bytes = 0;
  size_t bytes = 0;
  uint64_t epoch = 0;
  BatchRef batch;
  EntryChunk chunk;
  ReadDone done;
  bool busy = false;
  bool second_try = false;
};

EntryReader::EntryReader(Core& core, SegmentStore& segments, const DurableLog& log,
                         std::function<uint64_t()> epoch)
    : core_(core), segments_(segments), log_(log), epoch_(std::move(epoch)) {}

EntryReader::~EntryReader() = default;

void EntryReader::read(LogIndex first, LogIndex last, size_t max_bytes, ReadDone done) {
  auto idle = std::ranges::find_if(requests_, [](const auto& request) { return !request->busy; });
  if (idle == requests_.end()) idle = requests_.insert(idle, std::make_unique<Request>());
  Request& request = **idle;
  request.next = first;
  request.last = last;
  request.max_bytes = max_bytes;
  request.bytes = 0;
  request.epoch = epoch_();
  request.chunk = {};
  request.done = std::move(done);
  request.busy = true;
  request.second_try = false;
  start(request);
}

void EntryReader::start(Request& request) {
  const BatchRef* batch = log_.find(request.next);
  CHECK(batch != nullptr);
  request.batch = *batch;
  Segment& segment = segments_.at(batch->place.segment);
  ++segment.users;
  AlignedBuffer memory(batch->place.blocks * kBlockBytes);
  DiskOp& op = request.op;
  op.kind = DiskOp::Kind::kRead;
  op.file = segment.file;
  op.offset = batch->place.offset;
  op.read_into = memory.span();
  op.on_done = [this, &request] { on_done(request); };
  request.chunk.memory.push_back(std::move(memory));
  core_.begin_operation();
  core_.env.disk.submit(op);
}

void EntryReader::on_done(Request& request) {
  Core& core = core_;
  if (core.abandoned()) return core.end_operation();
  const BatchPlace place = request.batch.place;
  Segment& segment = segments_.at(place.segment);
  --segment.users;
  Result<bool> more = true;
  if (epoch_() != request.epoch)
    finish(request, Error(ErrorCode::kAborted, "the log's tail was cut during the read"));
  else {
    const Result<uint64_t>& read = request.op.result;
    if (!read.ok() || *read != request.op.read_into.size())
      more = read.ok() ? Error(ErrorCode::kDataLoss, "the file is too short") : read.error();
    else
      more = add_entries(request.op.read_into, segment.header, place, request.next,
                         std::min(request.last, request.batch.last), request.max_bytes, request.bytes,
                         request.chunk.entries);
    if (!more.ok() && !std::exchange(request.second_try, true)) {
      request.chunk.memory.pop_back();
      start(request);
    } else if (!more.ok()) {
      finish(request, Error(ErrorCode::kDataLoss,
                            str_cat(core.path(segment_name(place.segment)), ": offset ", place.offset,
                                    ", index ", request.next.value(), ": ", more.error().text())));
    } else if (!*more || request.batch.last >= request.last || request.bytes >= request.max_bytes) {
      finish(request, std::move(request.chunk));
    } else {
      request.next = request.batch.last.next();
      request.second_try = false;
      start(request);
    }
  }
  if (!core.abandoned()) segments_.recycle();
  core.end_operation();
}

void EntryReader::finish(Request& request, Result<EntryChunk> result) {
  ReadDone done = std::move(request.done);
  request.chunk = {};
  request.busy = false;
  done(std::move(result));
}

Result<EntryChunk> EntryReader::read_batch(LogIndex first, LogIndex last) {
  const BatchRef* batch = log_.find(first);
  CHECK(batch != nullptr);
  const BatchPlace& place = batch->place;
  const Segment& segment = segments_.at(place.segment);
  EntryChunk chunk;
  chunk.memory.emplace_back(place.blocks * kBlockBytes);
  const MutableByteSpan memory = chunk.memory.back().span();
  size_t bytes = 0;
  Result<bool> more = Error(ErrorCode::kUnknown, "");
  for (int attempt = 0; attempt < 2 && !more.ok(); ++attempt) {
    const Status read = read_exactly(core_.env.disk, segment.file, place.offset, memory);
    chunk.entries.clear();
    more = read.ok() ? add_entries(memory, segment.header, place, first, std::min(last, batch->last),
                                   place.blocks * kBlockBytes, bytes, chunk.entries)
                     : Result<bool>(read.error());
  }
  if (!more.ok())
    return Error(ErrorCode::kDataLoss,
                 str_cat(core_.path(segment_name(place.segment)), ": offset ", place.offset, ", index ",
                         first.value(), ": ", more.error().text()));
  return chunk;
}

void EntryReader::stop() {
  for (const auto& request : requests_) request->done = nullptr;
}

}  // namespace revd::wal

#include "btree/page_loader.h"

#include "base/check.h"

namespace revd::btree {

void PageLoader::load(const PageRequest& request, Done done) {
  const bool well_formed = request.pointer.is_well_formed();
  if (!well_formed || store_.lookup(request.pointer) != kNoFrame) {
    Status status;
    if (!well_formed) status = Error(ErrorCode::kDataLoss, "a page pointer makes no sense");
    store_.env().executor.post(
        [run = std::move(done), result = std::move(status)]() mutable { run(std::move(result)); });
    return;
  }
  const uint64_t sector = request.pointer.sector();
  auto& load = loads_[sector];
  if (!load) {
    load = std::make_unique<Load>();
    load->request = request;
    line_.push_back(sector);
  }
  load->waiting.push_back(std::move(done));
  start_next();
}

void PageLoader::start_next() {
  while (running_ < kLoadsMax && !line_.empty()) {
    Load& load = *loads_.at(line_.front());
    line_.pop_front();
    ++running_;
    start(load);
  }
}

void PageLoader::start(Load& load) {
  const PagePointer& pointer = load.request.pointer;
  const uint64_t begin = pointer.sector() * kSectorBytes;
  const uint64_t from = round_down(begin, kBlockBytes);
  load.buffer = AlignedBuffer(round_up(begin + pointer.stored_bytes(), kBlockBytes) - from);
  load.op = DiskOp();
  load.op.kind = DiskOp::Kind::kRead;
  load.op.file = store_.file();
  load.op.offset = from;
  load.op.read_into = load.buffer.span();
  load.op.on_done = [this, sector = pointer.sector()] { finished(sector); };
  store_.env().disk.submit(load.op);
}

Status PageLoader::check(Load& load) {
  const PagePointer& pointer = load.request.pointer;
  if (!load.op.result.ok()) return Error(ErrorCode::kDataLoss, load.op.result.error().text());
  const uint64_t skipped = pointer.sector() * kSectorBytes - load.op.offset;
  if (*load.op.result < skipped + pointer.stored_bytes())
    return Error(ErrorCode::kDataLoss, "the file ends before " + pointer.describe());
  return store_.insert_loaded(load.request,
                              ByteSpan(load.buffer.span()).subspan(skipped, pointer.stored_bytes()));
}

void PageLoader::finished(uint64_t sector) {
  Load& load = *loads_.at(sector);
  Status status = check(load);
  if (!status.ok() && status.error().code() == ErrorCode::kDataLoss && !load.repeated) {
    load.repeated = true;
    ++store_.stats().page_reads_repeated;
    start(load);
    return;
  }
  if (!status.ok())
    store_.env().logger.error("btree", "page not loaded",
                              {{"path", store_.path()}, {"error", status.error().text()}});
  const std::unique_ptr<Load> done = std::move(loads_.at(sector));
  loads_.erase(sector);
  --running_;
  start_next();
  for (Done& waiting : done->waiting) waiting(status);
}

}  // namespace revd::btree

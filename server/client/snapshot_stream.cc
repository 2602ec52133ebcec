#include "server/client/snapshot_stream.h"

#include <utility>

#include "base/strings.h"

namespace revd {

namespace {
constexpr uint64_t kCreditBytes = 4 << 20;
}

SnapshotStream::SnapshotStream(Client& client, Chunk chunk, Done done, uint32_t timeout_ms)
    : client_(client),
      chunk_(std::move(chunk)),
      done_(std::move(done)),
      timeout_ms_(timeout_ms),
      timer_(client.env().executor),
      self_(std::make_shared<SnapshotStream*>(this)) {
  client_.add(*this);
  arm();
  if (Link* const link = client_.link()) link_up(*link);
}

SnapshotStream::~SnapshotStream() {
  client_.remove(*this);
  if (in_flight_ && client_.link() != nullptr) client_.link()->cancel(link_id_);
}

void SnapshotStream::link_up(Link& link) {
  if (started_) return;
  started_ = in_flight_ = true;
  RequestHeader header;
  header.credit_bytes = kCreditBytes;
  link_id_ = link.send(header, SnapshotRequest{}, [weak = std::weak_ptr(self_)](LinkEvent event) {
    const auto self = weak.lock();
    if (self) (*self)->on_event(std::move(event));
  });
}

void SnapshotStream::on_event(LinkEvent event) {
  if (ended_) return;
  in_flight_ = !event.last;
  if (!event.outcome.ok()) return end(std::move(event.outcome).error());
  on_chunk(std::get<SnapshotChunk>(std::move(*event.outcome)), event.bytes, event.last);
}

void SnapshotStream::on_chunk(SnapshotChunk chunk, size_t bytes, bool last) {
  if (chunk.offset != received_) {
    return end(Error(ErrorCode::kDataLoss,
                     str_cat("the snapshot goes on at byte ", chunk.offset, " instead of ", received_)));
  }
  arm();
  info_.revision = chunk.revision;
  if (chunk.total_bytes != 0) info_.total_bytes = chunk.total_bytes;
  received_ += chunk.data.size();
  hash_.update(as_bytes(chunk.data));
  const std::weak_ptr<SnapshotStream*> alive = self_;
  if (!chunk.data.empty()) chunk_(chunk.data, chunk.offset, info_);
  if (alive.expired()) return;
  if (!last) {
    if (client_.link() != nullptr) client_.link()->give_credit(link_id_, bytes);
    return;
  }
  if (info_.total_bytes != received_ || chunk.hash != hash_.digest())
    return end(Error(ErrorCode::kDataLoss, "the snapshot was damaged on its way (wrong size or hash)"));
  end(info_);
}

void SnapshotStream::end(Result<SnapshotInfo> outcome) {
  ended_ = true;
  timer_.stop();
  if (in_flight_ && client_.link() != nullptr) client_.link()->cancel(link_id_);
  in_flight_ = false;
  const Done done = std::exchange(done_, nullptr);
  done(std::move(outcome));
}

void SnapshotStream::arm() {
  if (timeout_ms_ == 0) return;
  timer_.start(std::chrono::milliseconds(timeout_ms_),
               [this] { end(Error(ErrorCode::kDeadlineExceeded, "no piece of the snapshot came in time")); });
}

}  // namespace revd

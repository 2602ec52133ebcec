#include "server/protocol/output_queue.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "server/protocol/frame.h"

namespace revd {

namespace {

constexpr size_t kCopyMax = 4 * 1024;    // larger messages aren't copied into a chunk
constexpr size_t kChunkMax = 32 * 1024;  // a chunk is sealed at this size

}  // namespace

std::string& OutputQueue::chunk(size_t bytes) {
  if (pieces_.empty() || pieces_.back().sealed || pieces_.back().own.size() + bytes > kChunkMax)
    pieces_.emplace_back();
  bytes_ += bytes;
  return pieces_.back().own;
}

void OutputQueue::push_message(uint16_t type, uint16_t flags, uint64_t request_id, std::string message,
                               size_t body_bytes_max) {
  using protocol::kFrameHeaderSize;
  CHECK(body_bytes_max > 0);
  if (message.size() <= std::min(kCopyMax, body_bytes_max)) {
    protocol::append_frame(type, flags, request_id, as_bytes(message),
                           chunk(kFrameHeaderSize + message.size()));
    return;
  }
  const auto shared = std::make_shared<const std::string>(std::move(message));
  for (size_t begin = 0; begin < shared->size();) {
    const size_t size = std::min(body_bytes_max, shared->size() - begin);
    const bool last = begin + size == shared->size();
    const uint16_t part_flags = last ? flags : static_cast<uint16_t>(flags | protocol::kFlagMore);
    Piece part;
    part.shared = shared;
    part.begin = begin;
    part.size = size;
    part.sealed = true;
    protocol::append_frame_header(type, part_flags, request_id, part.view(), chunk(kFrameHeaderSize));
    pieces_.push_back(std::move(part));
    bytes_ += size;
    begin += size;
  }
}

void OutputQueue::push_raw(std::string bytes) { chunk(bytes.size()).append(bytes); }

std::vector<ByteSpan> OutputQueue::gather() {
  CHECK(gathered_ == 0);
  std::vector<ByteSpan> views;
  size_t bytes = 0;
  for (Piece& piece : pieces_) {
    const ByteSpan view = piece.view();
    if (!views.empty() && (views.size() == kWritePiecesMax || bytes + view.size() > kWriteBytesMax)) break;
    piece.sealed = true;
    views.push_back(view);
    bytes += view.size();
  }
  gathered_ = views.size();
  return views;
}

void OutputQueue::written() {
  for (; gathered_ > 0; --gathered_) {
    bytes_ -= pieces_.front().view().size();
    pieces_.pop_front();
  }
}

void OutputQueue::clear() {
  pieces_.clear();
  gathered_ = 0;
  bytes_ = 0;
}

}  // namespace revd

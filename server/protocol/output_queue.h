// OutputQueue: the frames of a connection that wait for its next write.
//
// Small frames are put together in common chunks, large messages are kept whole and framed around,
// not copied; one write takes many of both. Thread rule: none of its own. Format: server/protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace revd {

class OutputQueue {
 public:
  static constexpr size_t kWriteBytesMax = 256 * 1024;  // gathered into one write, if one piece isn't larger
  static constexpr size_t kWritePiecesMax = 64;

  // Splits `message` into frames of at most `body_bytes_max`.
  void push_message(uint16_t type, uint16_t flags, uint64_t request_id, std::string message,
                    size_t body_bytes_max);
  // Bytes that are frames already.
  void push_raw(std::string bytes);

  bool empty() const { return pieces_.empty(); }
  // Queued or being written.
  size_t bytes() const { return bytes_; }
  // What the next write should send. The pieces stay valid and in front until written().
  std::vector<ByteSpan> gather();
  // The last gather() was sent.
  void written();
  void clear();

 private:
  struct Piece {
    std::string own;                            // a chunk of small frames,
    std::shared_ptr<const std::string> shared;  // or a part of this
    size_t begin = 0;
    size_t size = 0;
    bool sealed = false;  // in a write, or of a large message: nothing is added
    ByteSpan view() const { return shared ? as_bytes(*shared).subspan(begin, size) : as_bytes(own); }
  };
  // The chunk at the end that `bytes` more may go into.
  std::string& chunk(size_t bytes);

  std::deque<Piece> pieces_;
  size_t gathered_ = 0;  // pieces of the write under way
  size_t bytes_ = 0;
};

}  // namespace revd

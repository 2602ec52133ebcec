// SimStream: the state of one simulated TCP stream, shared by its two connections and the fabric.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "tests/sim/network.h"

namespace revd {

struct SimSegment {
  enum class Kind : uint8_t { kBytes, kEnd, kReset };
  Kind kind = Kind::kBytes;
  std::string bytes;
};

// One side. Bytes go: caller's pieces -> unsent -> in flight to the peer -> the peer's received.
// unsent + unacknowledged stay within the send buffer; received + in flight within the receive buffer.
struct SimEnd {
  std::shared_ptr<SimIncarnation> owner;
  std::string host;
  Address peer;
  bool attached = true;               // its Connection exists
  bool closed = false;                // by its process, or with it
  bool vanished = false;              // its machine lost power: it never heard of the stream
  std::optional<std::string> broken;  // reset or timed out

  std::vector<ByteSpan> pieces;  // not yet accepted, borrowed from the writer
  Connection::WriteDone write_done;
  bool write_accepted = false;
  std::string unsent;
  size_t unacknowledged = 0;
  bool end_sent = false;

  std::string received;
  bool end_received = false;
  MutableByteSpan read_into;
  Connection::ReadDone read_done;
  bool wake_scheduled = false;

  // The way from here to the peer.
  int64_t last_arrival_ns = 0;
  size_t in_flight_bytes = 0;
  std::deque<SimSegment> held;       // arrived at a blocked link
  size_t acknowledgements_held = 0;  // of this end's bytes
  uint64_t progress = 0;             // acknowledged bytes, ever
  bool give_up_armed = false;

  bool over() const { return (closed || broken || vanished) && !attached; }
};

struct SimStream : std::enable_shared_from_this<SimStream> {
  uint64_t id = 0;
  SimEnd ends[2];
};

}  // namespace revd

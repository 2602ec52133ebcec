// The streams of SimFabric: how bytes get from one end to the other, and what stops them.
#include "tests/sim/stream.h"

#include <algorithm>
#include <cstring>

#include "base/strings.h"

namespace revd {

void SimFabric::read(SimStream& stream, int side, MutableByteSpan into, Connection::ReadDone done) {
  SimEnd& end = stream.ends[side];
  if (!end.owner->alive) return;
  CHECK_MSG(!end.read_done, "one read at a time");
  CHECK_MSG(!into.empty(), "an empty read");
  end.read_into = into;
  end.read_done = std::move(done);
  if (end.closed || end.broken || end.end_received || !end.received.empty()) wake(stream, side);
}

void SimFabric::write(SimStream& stream, int side, std::span<const ByteSpan> pieces,
                      Connection::WriteDone done) {
  SimEnd& end = stream.ends[side];
  if (!end.owner->alive) return;
  CHECK_MSG(!end.write_done, "one write at a time");
  end.pieces.assign(pieces.begin(), pieces.end());
  end.write_done = std::move(done);
  end.write_accepted = false;
  if (end.closed || end.broken)
    wake(stream, side);
  else
    fill(stream, side);
}

void SimFabric::close(SimStream& stream, int side) {
  SimEnd& end = stream.ends[side];
  if (end.closed || end.vanished) return;
  end.closed = true;
  end.pieces.clear();
  wake(stream, side);
  if (end.broken) return;
  if (!end.received.empty()) {  // as Linux does when bytes were never read
    end.unsent.clear();
    end.received.clear();
    end.end_sent = true;
    send_reset(stream, side);
  } else {
    transmit(stream, side);
  }
}

void SimFabric::fill(SimStream& stream, int side) {
  SimEnd& end = stream.ends[side];
  while (!end.pieces.empty()) {
    const size_t used = end.unsent.size() + end.unacknowledged;
    // In steps of half the buffer, like the kernel: not a few bytes per acknowledgement.
    if (used > options.send_buffer_bytes / 2) break;
    ByteSpan& piece = end.pieces.front();
    const size_t count = std::min(piece.size(), options.send_buffer_bytes - used);
    end.unsent.append(as_view(piece.first(count)));
    piece = piece.subspan(count);
    if (piece.empty()) end.pieces.erase(end.pieces.begin());
  }
  if (end.pieces.empty() && end.write_done && !end.write_accepted) {
    end.write_accepted = true;
    wake(stream, side);
  }
  transmit(stream, side);
}

void SimFabric::transmit(SimStream& stream, int side) {
  SimEnd& from = stream.ends[side];
  SimEnd& to = stream.ends[1 - side];
  if (from.broken || from.vanished || from.end_sent) return;
  if (link(from.host, to.host).blocked()) {
    if (!from.unsent.empty() || from.closed) arm_give_up(stream, side);
    return;
  }
  while (!from.unsent.empty()) {
    // A closed reader takes everything, to answer with a reset.
    const size_t taken = to.closed ? 0 : to.received.size() + from.in_flight_bytes;
    if (taken >= options.receive_buffer_bytes) return;
    const size_t most =
        std::min({from.unsent.size(), options.receive_buffer_bytes - taken, options.segment_bytes_max});
    const size_t count = random_.chance(1, 8) ? 1 + random_.below(most) : most;
    SimSegment segment{.kind = SimSegment::Kind::kBytes, .bytes = from.unsent.substr(0, count)};
    from.unsent.erase(0, count);
    from.unacknowledged += count;
    send(stream, side, std::move(segment));
    if (from.broken) return;
  }
  if (from.closed) {
    from.end_sent = true;
    send(stream, side, {.kind = SimSegment::Kind::kEnd, .bytes = ""});
  }
}

void SimFabric::send(SimStream& stream, int side, SimSegment segment) {
  SimEnd& from = stream.ends[side];
  const SimEnd& to = stream.ends[1 - side];
  ++counts_.segments;
  if (segment.kind == SimSegment::Kind::kBytes && strikes(faults.reset, counts_.resets)) {
    break_end(stream, 0, "Connection reset by peer");
    break_end(stream, 1, "Connection reset by peer");
    return;
  }
  if (segment.kind == SimSegment::Kind::kBytes && strikes(faults.flipped, counts_.flipped)) {
    char& hit = segment.bytes[random_.below(segment.bytes.size())];
    hit = static_cast<char>(hit ^ (1 << random_.below(8)));
  }
  from.in_flight_bytes += segment.bytes.size();
  from.last_arrival_ns = std::max(from.last_arrival_ns + 1, loop_.now_ns() + draw_delay(from.host, to.host));
  later(from.last_arrival_ns - loop_.now_ns(),
        [this, keep = stream.shared_from_this(), side, sent = std::move(segment)]() mutable {
          SimEnd& sender = keep->ends[side];
          // Whatever is held came first.
          if (!sender.held.empty() || link(sender.host, keep->ends[1 - side].host).blocked()) {
            ++counts_.held;
            sender.held.push_back(std::move(sent));
            arm_give_up(*keep, side);
          } else {
            arrive(*keep, side, std::move(sent));
          }
        });
}

void SimFabric::arrive(SimStream& stream, int side, SimSegment segment) {
  SimEnd& from = stream.ends[side];
  SimEnd& to = stream.ends[1 - side];
  from.in_flight_bytes -= segment.bytes.size();
  loop_.note(SimEventKind::kNetwork, 0,
             xxh3_64(as_bytes(segment.bytes), stream.id * 8 + static_cast<uint64_t>(side)));
  if (to.vanished) {
    if (!hosts_[to.host].powered)
      arm_give_up(stream, side);
    else if (segment.kind != SimSegment::Kind::kReset)
      send_reset(stream, 1 - side);
    return;
  }
  switch (segment.kind) {
    case SimSegment::Kind::kReset: break_end(stream, 1 - side, "Connection reset by peer"); break;
    case SimSegment::Kind::kEnd:
      to.end_received = true;
      wake(stream, 1 - side);
      break;
    case SimSegment::Kind::kBytes: arrive_bytes(stream, side, std::move(segment)); break;
  }
  drop_if_over(stream);
}

void SimFabric::arrive_bytes(SimStream& stream, int side, SimSegment segment) {
  SimEnd& to = stream.ends[1 - side];
  if (to.broken) return;
  if (to.closed) {
    send_reset(stream, 1 - side);
    return;
  }
  to.received += segment.bytes;
  wake(stream, 1 - side);
  acknowledge(stream, side, segment.bytes.size());
}

void SimFabric::acknowledge(SimStream& stream, int side, size_t bytes) {
  const SimEnd& sender = stream.ends[side];
  later(draw_delay(stream.ends[1 - side].host, sender.host),
        [this, keep = stream.shared_from_this(), side, bytes] {
          SimEnd& end = keep->ends[side];
          end.acknowledgements_held += bytes;
          if (link(keep->ends[1 - side].host, end.host).blocked())
            arm_give_up(*keep, side);
          else
            acknowledged(*keep, side);
        });
}

void SimFabric::acknowledged(SimStream& stream, int side) {
  SimEnd& end = stream.ends[side];
  end.progress += end.acknowledgements_held;
  end.unacknowledged -= std::min(end.unacknowledged, end.acknowledgements_held);
  end.acknowledgements_held = 0;
  if (!end.broken && !end.vanished) fill(stream, side);
}

// From when something first got stuck. A clogged link only delays.
void SimFabric::arm_give_up(SimStream& stream, int side) {
  SimEnd& armed = stream.ends[side];
  if (armed.give_up_armed || armed.broken || armed.vanished) return;
  armed.give_up_armed = true;
  later(options.give_up.count(), [this, keep = stream.shared_from_this(), side, was = armed.progress] {
    SimEnd& end = keep->ends[side];
    const SimEnd& peer = keep->ends[1 - side];
    end.give_up_armed = false;
    const bool waiting = !end.unsent.empty() || end.unacknowledged > 0 || !end.held.empty() || end.closed;
    const Link there = link(end.host, peer.host);
    const Link back = link(peer.host, end.host);
    const bool stuck = there.cut || back.cut || (peer.vanished && !hosts_[peer.host].powered);
    if (!waiting || !stuck) return;
    if (end.progress != was) {
      arm_give_up(*keep, side);
      return;
    }
    ++counts_.gave_up;
    break_end(*keep, side, "Connection timed out");
  });
}

void SimFabric::send_reset(SimStream& stream, int side) {
  send(stream, side, {.kind = SimSegment::Kind::kReset, .bytes = ""});
}

void SimFabric::break_end(SimStream& stream, int side, std::string_view why) {
  SimEnd& end = stream.ends[side];
  if (end.broken || end.vanished) return;
  end.broken = std::string(why);
  end.unsent.clear();
  end.received.clear();
  end.pieces.clear();
  end.held.clear();
  wake(stream, side);
  drop_if_over(stream);
}

// Completions are events of the process: never inside a call, never while it is paused.
void SimFabric::wake(SimStream& stream, int side) {
  SimEnd& end = stream.ends[side];
  if (end.wake_scheduled || !end.attached || (!end.read_done && !end.write_done)) return;
  end.wake_scheduled = true;
  loop_.schedule(end.owner, SimEventKind::kNetwork, 0, [this, keep = stream.shared_from_this(), side] {
    keep->ends[side].wake_scheduled = false;
    deliver_write(*keep, side);
    deliver_read(*keep, side);
  });
}

void SimFabric::deliver_write(SimStream& stream, int side) {
  SimEnd& end = stream.ends[side];
  if (!end.write_done || !end.attached) return;
  Status status;
  if (end.closed)
    status = Error(ErrorCode::kCancelled, str_cat("write to ", end.peer.to_string(), ": closed"));
  else if (end.broken)
    status = Error(ErrorCode::kUnavailable, str_cat("write to ", end.peer.to_string(), ": ", *end.broken));
  else if (!end.write_accepted)
    return;
  auto done = std::move(end.write_done);
  end.write_done = nullptr;
  done(std::move(status));
}

void SimFabric::deliver_read(SimStream& stream, int side) {
  SimEnd& end = stream.ends[side];
  if (!end.read_done || !end.attached) return;
  Result<size_t> result = size_t{0};
  if (end.closed) {
    result = Error(ErrorCode::kCancelled, str_cat("read from ", end.peer.to_string(), ": closed"));
  } else if (end.broken) {
    result = Error(ErrorCode::kUnavailable, str_cat("read from ", end.peer.to_string(), ": ", *end.broken));
  } else if (!end.received.empty()) {
    size_t count = std::min(end.received.size(), end.read_into.size());
    if (strikes(faults.tiny_reads, counts_.tiny_reads))
      count = std::min<size_t>(count, 1 + random_.below(16));
    std::memcpy(end.read_into.data(), end.received.data(), count);
    end.received.erase(0, count);
    result = count;
    // The window opens again.
    if (!stream.ends[1 - side].unsent.empty() && !stream.ends[1 - side].vanished)
      later(draw_delay(end.host, stream.ends[1 - side].host),
            [this, keep = stream.shared_from_this(), side] { transmit(*keep, 1 - side); });
  } else if (!end.end_received) {
    return;
  }
  auto done = std::move(end.read_done);
  end.read_done = nullptr;
  done(std::move(result));
}

void SimFabric::resume(SimStream& stream) {
  for (const int side : {0, 1}) {
    SimEnd& end = stream.ends[side];
    const SimEnd& peer = stream.ends[1 - side];
    // A peer that came back without knowing the stream answers what is sent again with a reset.
    if (peer.vanished && hosts_[peer.host].powered && end.unacknowledged > 0) send_reset(stream, 1 - side);
    if (!link(end.host, peer.host).blocked()) {
      std::deque<SimSegment> held = std::exchange(end.held, {});
      for (SimSegment& segment : held) arrive(stream, side, std::move(segment));
      transmit(stream, side);
    }
    if (!link(peer.host, end.host).blocked() && end.acknowledgements_held > 0) acknowledged(stream, side);
  }
}

void SimFabric::drop_if_over(SimStream& stream) {
  const auto finished = [](const SimEnd& end) {
    return end.over() && (end.broken || end.vanished || (end.end_sent && end.in_flight_bytes == 0));
  };
  if (finished(stream.ends[0]) && finished(stream.ends[1])) streams_.erase(stream.id);
}

}  // namespace revd

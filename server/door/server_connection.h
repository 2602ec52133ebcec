// ServerConnection: one client of the binary protocol, from its Hello to its end.
//
// Reads as much as the limits allow, hands requests to the service, and writes answers, many at once.
// States: handshake -> open -> (draining) -> ending (a reason goes out, input is thrown away) -> closed.
// While too much of it is in flight, it isn't read from: the peer's TCP window does the rest.
//
// Thread rule: reactor. Ownership: the door and its replies share it; it lives until its channel has
// no read or write outstanding. Errors end the connection, with a goodbye where one can still be sent,
// and touch no other. Limits: DoorSettings. Format: server/protocol/README.md.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "server/channel.h"
#include "server/door/door_context.h"
#include "server/door/door_reply.h"
#include "server/protocol/input_buffer.h"
#include "server/protocol/output_queue.h"

namespace revd {

class ServerConnection : public std::enable_shared_from_this<ServerConnection> {
 public:
  ServerConnection(DoorContext& door, CallerId id, std::unique_ptr<Channel> channel);

  // Begins to read. `closed` is called once, as a task of its own, when nothing is outstanding any more.
  void start(Task closed);
  // Answers the Hello, whatever it is, with a refusal.
  void start_refusing(protocol::Refusal reason, std::string text, Task closed);
  // No further requests; goodbye when those in flight are answered. Streams end with kStopped.
  void drain();
  // At once, without a word. Requests in flight become gone.
  void close();
  // Called from time to time: timeouts, and credit that came back to the whole process.
  void tick(Instant now);

  // ---- For DoorReply.
  void answer(DoorReply& reply, const AnswerHeader& header, Result<Response> outcome, bool last);
  int64_t room_bytes() const;
  void queue_for_credit(DoorReply& reply);
  Executor& executor() { return door_.env.executor; }
  AnswerHeader service_header() const { return door_.service.header(); }

 private:
  enum class State { kHandshake, kOpen, kDraining, kEnding, kClosed };

  // Input (server_connection_input.cc).
  void read();
  void read_done(Result<size_t> count);
  void process_input();
  bool may_take_requests() const;
  void take_hello();
  void take_frame(const protocol::Frame& frame);
  void take_control(const protocol::Frame& frame);
  void take_request(const protocol::Frame& frame);
  void dispatch(const protocol::Frame& frame, protocol::DecodedRequest decoded, bool stream);

  // Answers and credit.
  void answer_directly(const protocol::FrameHeader& header, Result<Response> outcome);
  void log_if_slow(const CallState& state, size_t answer_bytes);
  void unbind(DoorReply& reply, bool tell);
  void expire(Instant now);
  void arm_deadline();
  void pass_credit();

  // Output and end.
  void schedule_pump();
  void pump();
  void flush();
  void write_done(Status status);
  void end(const Error& reason);
  void refuse(const protocol::Welcome& refusal);
  void detach_all();
  void finish_drain();
  void report_closed();
  void charge();

  DoorContext& door_;
  const CallerId id_;
  const std::unique_ptr<Channel> channel_;
  State state_ = State::kHandshake;
  std::optional<protocol::Welcome> refusal_;  // decided before the Hello came
  Task closed_;

  InputBuffer input_;
  OutputQueue output_;
  MemoryCharge memory_;
  bool reading_ = false;
  bool writing_ = false;
  bool pump_scheduled_ = false;
  Instant last_frame_;  // whole frame received, or the connection's start
  Instant write_started_;
  Instant ending_since_;

  std::map<uint64_t, DoorReply*> calls_;  // bound replies by request id
  size_t requests_in_flight_ = 0;         // calls_ without open streams
  size_t streams_ = 0;                    // open ones
  uint64_t bytes_in_flight_ = 0;          // of requests in flight
  std::deque<uint64_t> waiting_;          // ids that wait for credit, in order; some may be gone
  std::set<std::pair<Instant, uint64_t>> deadlines_;
  Timer deadline_timer_;
};

}  // namespace revd

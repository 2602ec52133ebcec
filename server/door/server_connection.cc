// ServerConnection's way out: answers, credit, timeouts, and the end.
#include "server/door/server_connection.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "mvcc/command/errors.h"

namespace revd {

namespace {

// Answers are cut into frames of this size at most.
constexpr uint32_t kAnswerFrameMax = 256 * 1024;
constexpr uint64_t kFixedBytes = 2048;  // of memory for any connection
constexpr uint64_t kCallBytes = 512;    // for any request or stream

}  // namespace

ServerConnection::ServerConnection(DoorContext& door, CallerId id, std::unique_ptr<Channel> channel)
    : door_(door),
      id_(id),
      channel_(std::move(channel)),
      memory_(door.budget),
      last_frame_(door.env.clock.now()),
      deadline_timer_(door.env.executor) {}

void ServerConnection::start(Task closed) {
  closed_ = std::move(closed);
  charge();
  read();
}

void ServerConnection::start_refusing(protocol::Refusal reason, std::string text, Task closed) {
  refusal_ = protocol::refuse(reason, std::move(text));
  start(std::move(closed));
}

// ---- Answers.

void ServerConnection::answer(DoorReply& reply, const AnswerHeader& header, Result<Response> outcome,
                              bool last) {
  CallState& state = reply.state();
  const uint16_t type = state.type;
  const uint64_t id = state.id;
  const uint16_t open = last ? 0 : protocol::kFlagOpen;
  const uint16_t failed = outcome.ok() ? 0 : protocol::kFlagError;
  std::string body = outcome.ok() ? protocol::encode_answer(header, *outcome)
                                  : protocol::encode_error(header, outcome.error());
  if (state.counts_credit) state.credit_bytes -= static_cast<int64_t>(body.size());
  if (last) {
    log_if_slow(state, body.size());
    unbind(reply, /*tell=*/false);
  } else if (!state.open) {
    state.open = true;
    ++streams_;
    --requests_in_flight_;
    bytes_in_flight_ -= std::exchange(state.request_bytes, 0);
  }
  ++door_.counts.answers;
  output_.push_message(type, open | failed, id, std::move(body),
                       std::min(kAnswerFrameMax, door_.introduction.frame_body_max));
  charge();
  schedule_pump();
}

void ServerConnection::log_if_slow(const CallState& state, size_t answer_bytes) {
  const auto took = door_.env.clock.now() - state.started;
  if (state.stream || took < std::chrono::milliseconds(door_.settings.slow_request_ms)) return;
  door_.env.logger.warning("door", "slow_request",
                           {{"type", std::string(protocol::method_name(state.type))},
                            {"took_ms", str_cat(took / std::chrono::milliseconds(1))},
                            {"request_bytes", str_cat(state.request_bytes)},
                            {"answer_bytes", str_cat(answer_bytes)},
                            {"peer", channel_->peer().to_string()}});
}

void ServerConnection::answer_directly(const protocol::FrameHeader& header, Result<Response> outcome) {
  const AnswerHeader own = door_.service.header();
  const bool failed = !outcome.ok();
  ++door_.counts.answers;
  output_.push_message(
      header.type, failed ? protocol::kFlagError : 0, header.request_id,
      failed ? protocol::encode_error(own, outcome.error()) : protocol::encode_answer(own, *outcome),
      std::min(kAnswerFrameMax, door_.introduction.frame_body_max));
  charge();
  schedule_pump();
}

void ServerConnection::unbind(DoorReply& reply, bool tell) {
  CallState& state = reply.state();
  calls_.erase(state.id);
  if (state.deadline) deadlines_.erase({*state.deadline, state.id});
  if (state.open) {
    --streams_;
  } else {
    --requests_in_flight_;
    bytes_in_flight_ -= state.request_bytes;
  }
  reply.detach(tell);
}

void ServerConnection::arm_deadline() {
  if (deadline_timer_.running() || deadlines_.empty()) return;
  const Instant now = door_.env.clock.now();
  deadline_timer_.start(std::max(deadlines_.begin()->first - now, Duration(0)), [this] {
    expire(door_.env.clock.now());
    arm_deadline();
  });
}

void ServerConnection::expire(Instant now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    DoorReply& reply = *calls_.at(deadlines_.begin()->second);
    protocol::FrameHeader header;
    header.type = reply.state().type;
    header.request_id = reply.state().id;
    ++door_.counts.expired;
    unbind(reply, /*tell=*/true);
    answer_directly(header, api_error(ApiError::kTimeout));
  }
}

// ---- Credit.

int64_t ServerConnection::room_bytes() const {
  const auto room =
      static_cast<int64_t>(door_.settings.answer_bytes_queued_max) - static_cast<int64_t>(output_.bytes());
  return std::min(room, door_.budget.left_bytes());
}

void ServerConnection::queue_for_credit(DoorReply& reply) {
  if (reply.state().counts_credit && reply.state().credit_bytes <= 0) return;  // a credit frame comes first
  waiting_.push_back(reply.state().id);
  schedule_pump();
}

// Each waiting stream in turn, as long as there is room; those that still wait stay in line.
void ServerConnection::pass_credit() {
  for (size_t left = waiting_.size(); left > 0 && room_bytes() > 0; --left) {
    const uint64_t id = waiting_.front();
    waiting_.pop_front();
    const auto found = calls_.find(id);
    if (found == calls_.end() || !found->second->waits_for_credit()) continue;
    if (found->second->credit_bytes() > 0) found->second->give_credit();
    if (state_ == State::kClosed) return;
  }
}

// ---- Output.

void ServerConnection::schedule_pump() {
  if (pump_scheduled_ || state_ == State::kClosed) return;
  pump_scheduled_ = true;
  door_.env.executor.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->pump();
  });
}

void ServerConnection::pump() {
  pump_scheduled_ = false;
  if (state_ == State::kClosed) return;
  pass_credit();
  process_input();
  finish_drain();
  flush();
  read();
}

void ServerConnection::flush() {
  if (writing_ || output_.empty() || state_ == State::kClosed) return;
  const std::vector<ByteSpan> pieces = output_.gather();
  for (const ByteSpan piece : pieces) door_.counts.bytes_out += piece.size();
  ++door_.counts.writes;
  writing_ = true;
  write_started_ = door_.env.clock.now();
  charge();
  channel_->write(pieces, [this](Status status) { write_done(std::move(status)); });
}

void ServerConnection::write_done(Status status) {
  const auto keep = shared_from_this();
  writing_ = false;
  if (state_ == State::kClosed) return report_closed();
  if (!status.ok()) return close();
  output_.written();
  charge();
  pump();
}

// ---- The end.

void ServerConnection::drain() {
  if (state_ == State::kHandshake) return close();
  if (state_ != State::kOpen) return;
  state_ = State::kDraining;
  std::vector<uint64_t> streams;
  for (const auto& [id, reply] : calls_)
    if (reply->state().stream) streams.push_back(id);
  for (const uint64_t id : streams) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) continue;  // it ended with another one
    protocol::FrameHeader header;
    header.type = found->second->state().type;
    header.request_id = id;
    unbind(*found->second, /*tell=*/true);
    answer_directly(header, api_error(ApiError::kStopped));
  }
  schedule_pump();
}

void ServerConnection::finish_drain() {
  if (state_ == State::kDraining && calls_.empty()) end(api_error(ApiError::kStopped));
}

void ServerConnection::end(const Error& reason) {
  if (state_ == State::kEnding || state_ == State::kClosed) return;
  door_.env.logger.info("door", "connection_ended",
                        {{"peer", channel_->peer().to_string()}, {"reason", reason.text()}});
  state_ = State::kEnding;
  ending_since_ = door_.env.clock.now();
  detach_all();
  output_.push_raw(protocol::encode_goodbye(reason));
  schedule_pump();
}

void ServerConnection::refuse(const protocol::Welcome& refusal) {
  ++door_.counts.refused;
  door_.env.logger.info("door", "connection_refused",
                        {{"peer", channel_->peer().to_string()}, {"reason", refusal.introduction.refusal}});
  state_ = State::kEnding;
  ending_since_ = door_.env.clock.now();
  output_.push_raw(protocol::encode_welcome(refusal));
  schedule_pump();
}

void ServerConnection::detach_all() {
  while (!calls_.empty()) unbind(*calls_.begin()->second, /*tell=*/true);
  waiting_.clear();
}

void ServerConnection::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  detach_all();
  deadline_timer_.stop();
  channel_->close();
  if (!writing_) output_.clear();
  report_closed();
}

void ServerConnection::report_closed() {
  if (reading_ || writing_ || !closed_) return;
  door_.env.executor.post(std::exchange(closed_, nullptr));
}

void ServerConnection::tick(Instant now) {
  using std::chrono::milliseconds;
  const DoorSettings& settings = door_.settings;
  if (state_ == State::kClosed) return;
  if (state_ == State::kEnding) {
    if (now - ending_since_ >= milliseconds(settings.linger_timeout_ms)) close();
    return;
  }
  const bool unread = reading_ && now - last_frame_ >= milliseconds(state_ == State::kHandshake
                                                                        ? settings.handshake_timeout_ms
                                                                        : settings.idle_timeout_ms);
  if (writing_ && now - write_started_ >= milliseconds(settings.write_timeout_ms)) {
    ++door_.counts.timed_out;
    close();  // it doesn't read: no goodbye would reach it
  } else if (unread && state_ == State::kHandshake) {
    ++door_.counts.timed_out;
    close();
  } else if (unread) {
    ++door_.counts.timed_out;
    end(Error(ErrorCode::kDeadlineExceeded,
              str_cat("nothing came from the client for ", settings.idle_timeout_ms, " ms")));
  } else if (!reading_) {
    last_frame_ = now;  // it is the server that doesn't read
  }
  if (!waiting_.empty()) schedule_pump();
}

void ServerConnection::charge() {
  memory_.set(kFixedBytes + input_.capacity() + output_.bytes() + bytes_in_flight_ +
              calls_.size() * kCallBytes);
}

}  // namespace revd

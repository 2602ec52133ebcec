// ServerConnection's way in: from bytes to calls of the service.
#include <utility>

#include "base/strings.h"
#include "mvcc/command/errors.h"
#include "server/door/server_connection.h"

namespace revd {

using protocol::Frame;

bool ServerConnection::may_take_requests() const {
  return state_ == State::kOpen && requests_in_flight_ < door_.settings.requests_in_flight_max &&
         bytes_in_flight_ < door_.settings.bytes_in_flight_max &&
         output_.bytes() < door_.settings.answer_bytes_queued_max;
}

void ServerConnection::read() {
  if (reading_ || state_ == State::kClosed) return;
  if (state_ == State::kEnding) {
    input_.consume(input_.unread().size());
  } else if (state_ != State::kHandshake && !may_take_requests()) {
    return;
  }
  const size_t needed = state_ == State::kOpen ? protocol::frame_size(input_.unread()) : 0;
  if (door_.budget.exceeded() && input_.unread().size() == input_.capacity() && needed > input_.capacity() &&
      input_.capacity() > 0) {
    ++door_.counts.shed;
    return end(api_error(ApiError::kTooManyRequests));
  }
  reading_ = true;
  const MutableByteSpan room = input_.room(needed);
  charge();
  channel_->read(room, [this](Result<size_t> count) { read_done(std::move(count)); });
}

void ServerConnection::read_done(Result<size_t> count) {
  const auto keep = shared_from_this();
  reading_ = false;
  if (state_ == State::kClosed) return report_closed();
  if (!count.ok() || *count == 0) return close();
  ++door_.counts.reads;
  door_.counts.bytes_in += *count;
  input_.filled(*count);
  process_input();
  flush();
  read();
}

void ServerConnection::process_input() {
  if (state_ == State::kHandshake) take_hello();
  const uint32_t body_max = door_.introduction.frame_body_max;
  while (may_take_requests()) {
    const auto frame = protocol::parse_frame(input_.unread(), body_max);
    if (!frame.ok()) {
      ++door_.counts.malformed;
      return end(frame.error());
    }
    if (!frame->has_value()) break;
    last_frame_ = door_.env.clock.now();
    const size_t size = (*frame)->size;
    take_frame(**frame);
    if (state_ == State::kClosed) return;
    input_.consume(size);
  }
}

void ServerConnection::take_hello() {
  const auto parsed = protocol::parse_hello(input_.unread());
  if (!parsed.ok()) return refuse(protocol::refuse(parsed.error()));
  if (!parsed->has_value()) return;
  input_.consume((*parsed)->size);
  const protocol::Welcome welcome =
      refusal_ ? *refusal_ : protocol::answer_hello((*parsed)->message, door_.introduction);
  if (welcome.refusal != protocol::Refusal::kNone) return refuse(welcome);
  last_frame_ = door_.env.clock.now();
  state_ = State::kOpen;
  output_.push_raw(protocol::encode_welcome(welcome));
}

void ServerConnection::take_frame(const Frame& frame) {
  switch (frame.header.type) {
    case protocol::kTypeCancel:
    case protocol::kTypeCredit: return take_control(frame);
    default: return take_request(frame);
  }
}

void ServerConnection::take_control(const Frame& frame) {
  const auto found = calls_.find(frame.header.request_id);
  if (frame.header.type == protocol::kTypeCancel) {
    if (found == calls_.end()) return;  // its last answer is on the way
    DoorReply& reply = *found->second;
    const protocol::FrameHeader header{.length = 0,
                                       .type = reply.state().type,
                                       .flags = 0,
                                       .request_id = frame.header.request_id,
                                       .checksum = 0};
    unbind(reply, /*tell=*/true);
    return answer_directly(header, Error(ErrorCode::kCancelled, "the client cancelled the request"));
  }
  const auto credit = decode_message<CreditMessage>(frame.body);
  if (!credit.ok()) {
    ++door_.counts.malformed;
    return end(Error(ErrorCode::kInvalidArgument, "a malformed credit frame"));
  }
  if (found == calls_.end()) return;
  constexpr uint64_t kMost = uint64_t{1} << 40;
  CallState& state = found->second->state();
  state.credit_bytes = static_cast<int64_t>(std::min<uint64_t>(
                           kMost, std::min(credit->bytes, kMost) +
                                      static_cast<uint64_t>(std::max<int64_t>(state.credit_bytes, 0)))) +
                       std::min<int64_t>(state.credit_bytes, 0);
  if (found->second->waits_for_credit()) queue_for_credit(*found->second);
}

void ServerConnection::take_request(const Frame& frame) {
  const auto& header = frame.header;
  const auto malformed = [&](std::string why) {
    ++door_.counts.malformed;
    end(Error(ErrorCode::kInvalidArgument, std::move(why)));
  };
  if (header.request_id == 0) return malformed("request id 0");
  if (header.flags & protocol::kFlagsUnderstood) return malformed("a request with an answer's flags");
  if (calls_.contains(header.request_id))
    return malformed(str_cat("request id ", header.request_id, " is still in use"));
  auto decoded = protocol::decode_request(header.type, frame.body);
  if (!decoded.ok() && decoded.error().code() != ErrorCode::kUnimplemented)
    return malformed(str_cat("a malformed ", protocol::method_name(header.type), " request"));
  if (!decoded.ok()) return answer_directly(header, std::move(decoded).error());
  if (std::holds_alternative<PingRequest>(decoded->request))
    return answer_directly(header, Response(EmptyResponse{}));
  if (decoded->content_bytes > door_.settings.request_bytes_max)
    return answer_directly(header, api_error(ApiError::kRequestTooLarge));
  const bool stream = protocol::kind_of(decoded->request) == protocol::Kind::kStream;
  if (door_.budget.exceeded() || (stream && streams_ >= door_.settings.streams_max)) {
    ++door_.counts.shed;
    return answer_directly(header, api_error(ApiError::kTooManyRequests));
  }
  dispatch(frame, std::move(decoded).value(), stream);
}

void ServerConnection::dispatch(const Frame& frame, protocol::DecodedRequest decoded, bool stream) {
  CallState state;
  state.id = frame.header.request_id;
  state.type = frame.header.type;
  state.stream = stream;
  state.counts_credit = stream && decoded.header.credit_bytes > 0;
  state.credit_bytes =
      static_cast<int64_t>(std::min<uint64_t>(decoded.header.credit_bytes, uint64_t{1} << 40));
  state.request_bytes = frame.size;
  state.started = last_frame_;
  if (decoded.header.timeout_ms > 0) {
    constexpr uint64_t kLongestMs = 1000ULL * 3600 * 24 * 365;
    const auto timeout = static_cast<int64_t>(std::min(decoded.header.timeout_ms, kLongestMs));
    state.deadline = last_frame_ + std::chrono::milliseconds(timeout);
    deadlines_.emplace(*state.deadline, state.id);
    arm_deadline();
  }
  ++requests_in_flight_;
  bytes_in_flight_ += state.request_bytes;
  ++door_.counts.requests;
  Call call;
  call.caller = id_;
  call.principal = channel_->principal();
  call.deadline = state.deadline;
  call.stamp = {decoded.header.session, decoded.header.sequence, decoded.header.lowest_unacknowledged};
  call.request_bytes = decoded.content_bytes;
  call.request = std::move(decoded.request);
  const uint64_t request_id = state.id;
  auto reply = std::make_unique<DoorReply>(shared_from_this(), std::move(state));
  calls_.emplace(request_id, reply.get());
  call.reply = std::move(reply);
  charge();
  door_.service.start(std::move(call));
}

}  // namespace revd

#include "server/client/link.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "mvcc/command/errors.h"

namespace revd {

using protocol::Frame;

Link::Link(Env& env, const ClientOptions& options, Address to, Up on_up, Down on_down)
    : env_(env),
      options_(options),
      address_(std::move(to)),
      up_(std::move(on_up)),
      down_(std::move(on_down)),
      timer_(env.executor),
      self_(std::make_shared<Link*>(this)) {
  hello_.introduction.name = options.name;
  timer_.start(std::chrono::milliseconds(options.connect_timeout_ms), [this] {
    down(Error(ErrorCode::kUnavailable, str_cat("connecting to ", address_.to_string(), " took too long")),
         true);
  });
  env.network.connect(address_,
                      [weak = std::weak_ptr(self_)](Result<std::unique_ptr<Connection>> connection) {
                        if (const auto self = weak.lock()) (*self)->connected(std::move(connection));
                      });
}

Link::~Link() = default;

void Link::connected(Result<std::unique_ptr<Connection>> connection) {
  if (state_ != State::kConnecting) return;
  if (!connection.ok()) return down(connection.error(), true);
  connection_ = std::move(*connection);
  state_ = State::kHandshake;
  output_.push_raw(protocol::encode_hello(hello_));
  flush();
  read();
}

void Link::read() {
  const size_t needed = state_ == State::kUp ? protocol::frame_size(input_.unread()) : 0;
  connection_->read(input_.room(needed), [this](Result<size_t> count) { read_done(std::move(count)); });
}

void Link::read_done(Result<size_t> count) {
  if (state_ == State::kDown) return;
  if (!count.ok()) return down(count.error(), false);
  if (*count == 0) {
    return down(Error(ErrorCode::kUnavailable, str_cat(address_.to_string(), " closed the connection")),
                false);
  }
  input_.filled(*count);
  heard_ = true;
  if (state_ == State::kHandshake) take_welcome();
  if (state_ == State::kUp) take_frames();
  if (state_ != State::kDown) read();
}

void Link::take_welcome() {
  auto parsed = protocol::parse_welcome(input_.unread());
  if (!parsed.ok()) return down(parsed.error(), true);
  if (!parsed->has_value()) return;
  protocol::Welcome welcome = std::move((*parsed)->message);
  input_.consume((*parsed)->size);
  if (const Status accepted = protocol::check_welcome(hello_, welcome); !accepted.ok())
    return down(accepted.error(), true);
  server_ = std::move(welcome.introduction);
  state_ = State::kUp;
  pinged_ = false;
  beat();
  up_(server_);
}

void Link::take_frames() {
  while (state_ == State::kUp) {
    const auto frame = protocol::parse_frame(input_.unread(), server_.frame_body_max);
    if (!frame.ok()) return down(Error(ErrorCode::kUnavailable, frame.error().text()), false);
    if (!frame->has_value()) return;
    const size_t size = (*frame)->size;
    const Status taken = take_frame(**frame);
    if (state_ == State::kDown) return;
    input_.consume(size);
    if (!taken.ok()) return down(taken.error(), false);
  }
}

Status Link::take_frame(const Frame& frame) {
  if (frame.header.type == protocol::kTypeGoodbye) {
    const Error reason = protocol::decode_goodbye(frame.body);
    down(reason, is_api_error(reason, ApiError::kStopped));
    return {};
  }
  const auto found = pending_.find(frame.header.request_id);
  if (found == pending_.end() || found->second.type != frame.header.type)
    return Error(ErrorCode::kUnavailable, "an answer to what wasn't asked");
  Pending& pending = found->second;
  ByteSpan body = frame.body;
  if (frame.has(protocol::kFlagMore) || !pending.partial.empty()) {
    if (pending.partial.size() + body.size() > options_.answer_bytes_max)
      return Error(ErrorCode::kUnavailable,
                   str_cat("an answer of more than ", options_.answer_bytes_max, " bytes"));
    pending.partial.append(as_view(body));
    if (frame.has(protocol::kFlagMore)) return {};
  }
  const std::string whole = std::exchange(pending.partial, {});
  if (!whole.empty()) body = as_bytes(whole);
  auto decoded = protocol::decode_answer(frame.header.type, frame.has(protocol::kFlagError), body);
  if (!decoded.ok()) return Error(ErrorCode::kUnavailable, decoded.error().text());
  LinkEvent event;
  event.last = !frame.has(protocol::kFlagOpen);
  event.bytes = body.size();
  event.header = decoded->header;
  event.outcome = std::move(decoded->outcome);
  if (event.last) {
    const Handler handler = std::move(pending.handler);
    pending_.erase(found);
    handler(std::move(event));
  } else {
    const Handler handler = pending.handler;
    handler(std::move(event));
  }
  return {};
}

uint64_t Link::send(const RequestHeader& header, const Request& request, Handler handler) {
  CHECK(up());
  const uint64_t id = ++last_id_;
  const uint16_t type = protocol::type_of(request);
  std::string body = protocol::encode_request(header, request);
  pending_.emplace(id, Pending{type, std::move(handler), {}});
  if (body.size() > server_.frame_body_max) {
    env_.executor.post([weak = std::weak_ptr(self_), id] {
      const auto self = weak.lock();
      if (!self || !(*self)->pending_.contains(id)) return;
      const Handler refused = std::move((*self)->pending_.at(id).handler);
      (*self)->pending_.erase(id);
      LinkEvent event;
      event.outcome = api_error(ApiError::kRequestTooLarge);
      refused(std::move(event));
    });
    return id;
  }
  output_.push_message(type, 0, id, std::move(body), server_.frame_body_max);
  schedule_flush();
  return id;
}

void Link::control(uint16_t type, uint64_t id, std::string body) {
  if (!up() || !pending_.contains(id)) return;
  output_.push_message(type, 0, id, std::move(body), server_.frame_body_max);
  schedule_flush();
}

void Link::cancel(uint64_t id) { control(protocol::kTypeCancel, id, {}); }

void Link::give_credit(uint64_t id, uint64_t bytes) {
  control(protocol::kTypeCredit, id, encode_message(CreditMessage{bytes}));
}

void Link::schedule_flush() {
  if (flush_scheduled_ || writing_) return;
  flush_scheduled_ = true;
  env_.executor.post([weak = std::weak_ptr(self_)] {
    const auto self = weak.lock();
    if (!self) return;
    (*self)->flush_scheduled_ = false;
    (*self)->flush();
  });
}

void Link::flush() {
  if (writing_ || output_.empty() || state_ == State::kDown || !connection_) return;
  writing_ = true;
  connection_->write(output_.gather(), [this](Status status) {
    writing_ = false;
    if (state_ == State::kDown) return;
    if (!status.ok()) return down(status.error(), false);
    output_.written();
    flush();
  });
}

// Every interval: a ping when nothing was heard; the end when the one before wasn't answered.
void Link::beat() {
  if (pinged_ && !heard_) {
    return down(Error(ErrorCode::kUnavailable, str_cat(address_.to_string(), " is silent")), false);
  }
  pinged_ = !heard_;
  heard_ = false;
  // The server must hear something, too, however much it has to say.
  send({}, PingRequest{}, [](const LinkEvent&) {});
  const uint32_t idle =
      server_.idle_timeout_ms == 0 ? options_.ping_interval_ms : server_.idle_timeout_ms / 3;
  timer_.start(std::chrono::milliseconds(std::max(1U, std::min(options_.ping_interval_ms, idle))),
               [this] { beat(); });
}

void Link::end(const Error& reason) { down(reason, false); }

void Link::down(const Error& reason, bool unanswered_not_begun) {
  if (state_ == State::kDown) return;
  state_ = State::kDown;
  timer_.stop();
  if (connection_) connection_->close();
  const auto alive = std::weak_ptr(self_);
  for (auto& [id, pending] : std::exchange(pending_, {})) {
    LinkEvent event;
    event.lost = true;
    event.not_begun = unanswered_not_begun;
    event.outcome = reason;
    pending.handler(std::move(event));
  }
  CHECK_MSG(!alive.expired(), "a link destroyed inside its own callback");
  down_(reason);
}

}  // namespace revd

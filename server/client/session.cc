#include "server/client/session.h"

#include <algorithm>

#include "base/check.h"
#include "mvcc/command/errors.h"

namespace revd {

bool ClientSession::ready() {
  if (!open_) {
    if (!opening_) open();
    return false;
  }
  return outstanding_.empty() || next_ - *outstanding_.begin() < options_.session_window;
}

RequestHeader ClientSession::stamp() {
  CHECK(open_);
  RequestHeader header;
  header.session = id_;
  header.sequence = next_++;
  outstanding_.insert(header.sequence);
  refresh(header);
  used_ = true;
  return header;
}

void ClientSession::refresh(RequestHeader& header) const {
  if (is_current(header.session) && !outstanding_.empty())
    header.lowest_unacknowledged = std::min(header.sequence, *outstanding_.begin());
}

void ClientSession::acknowledge(SessionId session, uint64_t sequence) {
  if (is_current(session)) outstanding_.erase(sequence);
}

void ClientSession::expired(SessionId session) {
  if (!is_current(session)) return;
  open_ = false;
  timer_.stop();
  outstanding_.clear();
}

void ClientSession::open() {
  opening_ = true;
  SessionOpenRequest request;
  request.ttl_ms = options_.session_ttl_ms;
  request.window = options_.session_window;
  send_(request, [this](Result<Response> outcome) {
    opening_ = false;
    if (outcome.ok()) {
      open_ = true;
      id_ = std::get<SessionOpenResponse>(*outcome).id;
      next_ = 1;
      arm();
    } else {
      error_ = outcome.error();
    }
    opened_();
  });
}

void ClientSession::arm() {
  timer_.start(std::chrono::milliseconds(std::max(options_.session_ttl_ms / 3, 1U)),
               [this] { keep_alive(); });
}

void ClientSession::keep_alive() {
  arm();
  if (std::exchange(used_, false) || asking_) return;
  asking_ = true;
  send_(SessionKeepAliveRequest{{id_}}, [this, session = id_](Result<Response> outcome) {
    asking_ = false;
    if (!outcome.ok() && is_api_error(outcome.error(), ApiError::kSessionExpired)) expired(session);
  });
}

}  // namespace revd

#include "server/client/client.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "mvcc/command/errors.h"

namespace revd {

namespace {

constexpr uint32_t kRetryMinMs = 10;
constexpr uint32_t kRetryMaxMs = 1000;

// What the server says before it begins: the request certainly changes nothing.
bool refused_unbegun(const Error& error) {
  const auto which = as_api_error(error);
  return which == ApiError::kTooManyRequests || which == ApiError::kNotLeader || which == ApiError::kNoLeader;
}

// It gave up in between: a write may have been applied or may still be.
bool ended_midway(const Error& error) {
  const auto which = as_api_error(error);
  return which == ApiError::kLeaderChanged || which == ApiError::kStopped || which == ApiError::kTimeout;
}

}  // namespace

struct Client::CallState {
  CallState(Executor& executor, uint64_t number) : id(number), deadline(executor), retry(executor) {}

  const uint64_t id;
  Request request;
  Done<Response> done;
  protocol::Kind kind = protocol::Kind::kRead;
  bool in_session = false;
  std::optional<Instant> expires;
  RequestHeader header;  // with the stamp, once it has one
  bool in_flight = false;
  uint32_t attempt = 0;        // counts transmissions; events of older ones are ignored
  uint32_t maybe_applied = 0;  // transmissions that the server may have acted on
  uint32_t retries = 0;        // after errors
  uint64_t link_id = 0;
  Timer deadline;
  Timer retry;

  bool write() const { return kind == protocol::Kind::kWrite; }
  // Sending it again can do no harm.
  bool repeatable() const { return !write() || in_session; }
  bool stamped() const { return header.sequence != 0; }
};

Client::Client(Env& env, ClientOptions options)
    : env_(env),
      options_(std::move(options)),
      session_(
          env, options_,
          [this](Request request, std::function<void(Result<Response>)> done) {
            CallOptions forever;
            forever.timeout_ms = 0;
            start(std::move(request), forever,
                  [done = std::move(done)](Result<Response> outcome, const AnswerHeader&) {
                    done(std::move(outcome));
                  });
          },
          [this] {
            if (const auto error = session_.take_error()) fail_writes_without_session(*error);
            pump();
          }),
      connector_(env_, options_, [this] { link_up(); }) {}

Client::~Client() = default;

void Client::start(Request request, CallOptions options, Done<Response> done) {
  ++counts_.calls;
  const uint64_t id = ++last_call_;
  auto call = std::make_unique<CallState>(env_.executor, id);
  call->kind = protocol::kind_of(request);
  call->in_session = call->write() && options.in_session;
  call->request = std::move(request);
  call->done = std::move(done);
  const uint32_t timeout_ms = options.timeout_ms.value_or(options_.call_timeout_ms);
  if (timeout_ms > 0) {
    const auto timeout = std::chrono::milliseconds(timeout_ms);
    call->expires = env_.clock.now() + timeout;
    call->deadline.start(timeout, [this, id] { time_out(id); });
  }
  make_ready(*call);
  calls_.emplace(id, std::move(call));
  pump();
}

void Client::make_ready(CallState& call) {
  (call.in_session && !call.stamped() ? ready_writes_ : ready_).insert(call.id);
}

void Client::link_up() {
  for (auto next = users_.begin(); next != users_.end();) {
    const uint64_t number = next->first;
    if (link() != nullptr) next->second->link_up(*link());
    next = users_.upper_bound(number);
  }
  pump();
}

void Client::remove(LinkUser& user) {
  std::erase_if(users_, [&](const auto& entry) { return entry.second == &user; });
}

void Client::pump() {
  pump_set(ready_, false);
  if (link() != nullptr && !ready_writes_.empty()) pump_set(ready_writes_, true);
}

void Client::pump_set(std::set<uint64_t>& ready, bool writes) {
  while (!ready.empty()) {
    Link* const to = link();
    if (to == nullptr || (writes && !session_.ready())) return;
    CallState& call = *calls_.at(*ready.begin());
    ready.erase(ready.begin());
    if (writes) call.header = session_.stamp();
    transmit(call, *to);
  }
}

void Client::transmit(CallState& call, Link& to) {
  session_.refresh(call.header);
  if (call.expires) {
    const auto left = (*call.expires - env_.clock.now()) / std::chrono::milliseconds(1);
    call.header.timeout_ms = static_cast<uint64_t>(std::max<int64_t>(left, 1));
  }
  ++counts_.sends;
  if (call.attempt > 0) ++counts_.repeats;
  ++call.attempt;
  ++call.maybe_applied;
  call.in_flight = true;
  call.link_id =
      to.send(call.header, call.request, [this, id = call.id, attempt = call.attempt](LinkEvent event) {
        on_event(id, attempt, std::move(event));
      });
}

void Client::on_event(uint64_t id, uint32_t attempt, LinkEvent event) {
  const auto found = calls_.find(id);
  if (found == calls_.end() || found->second->attempt != attempt || !found->second->in_flight) return;
  CallState& call = *found->second;
  call.in_flight = false;
  if (event.lost) return on_lost(call, event);
  if (event.outcome.ok()) return finish(call, std::move(event.outcome), event.header);
  on_error(call, event.outcome.error(), event.header);
}

void Client::on_lost(CallState& call, const LinkEvent& event) {
  if (event.not_begun) --call.maybe_applied;
  if (call.repeatable() || call.maybe_applied == 0)
    make_ready(call);
  else
    fail(call, event.outcome.error());
}

void Client::on_error(CallState& call, const Error& error, const AnswerHeader& header) {
  if (is_api_error(error, ApiError::kSessionExpired) && call.in_session)
    return on_session_expired(call, error, header);
  if (refused_unbegun(error)) {
    --call.maybe_applied;
    if (is_api_error(error, ApiError::kNotLeader)) {
      std::optional<Address> leader;
      if (const auto text = leader_of(error)) {
        if (auto parsed = Address::parse(*text); parsed.ok()) leader = *parsed;
      }
      if (link() != nullptr) connector_.go_elsewhere(leader, error);
    }
    return repeat_later(call);
  }
  if (ended_midway(error) && call.repeatable()) return repeat_later(call);
  if (ended_midway(error)) return fail(call, error, header);
  // The server answered this very write: an earlier copy can't have been applied, or it would have said so.
  finish(call, error, header);
}

// Sent once, it was refused: nothing has happened, and a new session may carry it. Sent before, that
// copy may have been applied while its session lived.
void Client::on_session_expired(CallState& call, const Error& error, const AnswerHeader& header) {
  session_.expired(call.header.session);
  --call.maybe_applied;
  if (call.maybe_applied > 0) return fail(call, error, header);
  call.header = {};
  repeat_later(call);
}

void Client::repeat_later(CallState& call) {
  const uint64_t most =
      std::min<uint64_t>(kRetryMaxMs, uint64_t{kRetryMinMs} << std::min(call.retries++, 10U));
  call.retry.start(std::chrono::milliseconds(env_.random.between(most / 2, most)), [this, id = call.id] {
    make_ready(*calls_.at(id));
    pump();
  });
}

void Client::time_out(uint64_t id) {
  CallState& call = *calls_.at(id);
  if (call.in_flight && link() != nullptr) link()->cancel(call.link_id);
  std::string text = "the deadline has passed";
  if (link() == nullptr && connector_.last_error()) text += str_cat("; ", connector_.last_error()->text());
  fail(call, Error(ErrorCode::kDeadlineExceeded, text));
}

void Client::fail(CallState& call, const Error& error, const AnswerHeader& header) {
  if (call.write() && call.maybe_applied > 0) {
    ++counts_.unknown;
    return finish(call, make_outcome_unknown(error), header);
  }
  finish(call, error, header);
}

void Client::finish(CallState& call, Result<Response> outcome, const AnswerHeader& header) {
  const uint64_t id = call.id;
  if (call.stamped()) session_.acknowledge(call.header.session, call.header.sequence);
  ready_.erase(id);
  ready_writes_.erase(id);
  const std::unique_ptr<CallState> ended = std::move(calls_.extract(id).mapped());
  ended->deadline.stop();
  ended->retry.stop();
  ended->done(std::move(outcome), header);
  if (!ready_writes_.empty()) pump();
}

void Client::fail_writes_without_session(const Error& error) {
  for (const uint64_t id : std::set<uint64_t>(ready_writes_)) {
    const auto found = calls_.find(id);
    if (found != calls_.end()) fail(*found->second, error);
  }
}

}  // namespace revd

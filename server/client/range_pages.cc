#include "server/client/range_pages.h"

#include <algorithm>

#include "mvcc/command/errors.h"

namespace revd {

namespace {
constexpr auto kRetryDelay = std::chrono::milliseconds(100);
}

RangePages::RangePages(Client& client, RangeRequest range, uint64_t page_bytes, uint32_t timeout_ms)
    : client_(client),
      range_(std::move(range)),
      page_bytes_(page_bytes),
      timeout_ms_(timeout_ms),
      resume_key_(range_.key),
      timeout_(client.env().executor),
      retry_(client.env().executor),
      self_(std::make_shared<RangePages*>(this)) {
  client_.add(*this);
  arm();
  if (Link* const link = client_.link()) send(*link);
}

RangePages::~RangePages() {
  client_.remove(*this);
  if (in_flight_ && client_.link() != nullptr) client_.link()->cancel(link_id_);
}

void RangePages::link_up(Link& link) {
  if (!finished_ && !error_ && !in_flight_) send(link);
}

bool RangePages::can_resume() const {
  const bool key_order = range_.sort_order == SortOrder::kNone ||
                         (range_.sort_order == SortOrder::kAscend && range_.sort_target == SortTarget::kKey);
  const bool filtered = range_.min_mod_revision != 0 || range_.max_mod_revision != 0 ||
                        range_.min_create_revision != 0 || range_.max_create_revision != 0;
  return revision_ == 0 || (key_order && range_.sort_target == SortTarget::kKey && !filtered);
}

void RangePages::send(Link& link) {
  RangePagesRequest request;
  request.range = range_;
  request.page_bytes_max = page_bytes_;
  resumed_after_ = received_;
  if (revision_ != 0) {
    request.range.key = resume_key_;
    request.range.revision = revision_;
    if (range_.limit > 0) request.range.limit = range_.limit - received_;
    limit_reached_ = range_.limit > 0 && received_ >= range_.limit;
    if (limit_reached_) request.range.count_only = true;  // only the last page's count is missing
  }
  RequestHeader header;
  header.credit_bytes = 2 * page_bytes_;
  in_flight_ = true;
  link_id_ = link.send(header, request, [weak = std::weak_ptr(self_), attempt = ++attempt_](LinkEvent event) {
    const auto self = weak.lock();
    if (self) (*self)->on_event(attempt, std::move(event));
  });
}

void RangePages::on_event(uint64_t attempt, LinkEvent event) {
  if (attempt != attempt_ || finished_ || error_) return;
  in_flight_ = !event.last;
  if (event.outcome.ok())
    return on_page(std::get<RangeResponse>(std::move(*event.outcome)), event.bytes, event.last);
  const Error& error = event.outcome.error();
  const auto which = as_api_error(error);
  const bool passing = which == ApiError::kStopped || which == ApiError::kTooManyRequests ||
                       which == ApiError::kLeaderChanged || which == ApiError::kNoLeader ||
                       which == ApiError::kNotLeader;
  if (!event.lost && !passing) return fail(error);
  if (!can_resume()) return fail(Error(ErrorCode::kUnavailable, error.text()));
  if (event.lost) return;  // the next link goes on
  retry_.start(kRetryDelay, [this] {
    if (Link* const link = client_.link(); link != nullptr && !in_flight_) send(*link);
  });
}

void RangePages::on_page(RangeResponse page, size_t bytes, bool last) {
  arm();
  revision_ = page.revision;
  received_ += static_cast<int64_t>(page.kvs.size());
  if (!page.kvs.empty()) resume_key_ = page.kvs.back().key + '\0';
  if (last) {
    finished_ = true;
    timeout_.stop();
    if (limit_reached_) page.more = page.count > 0;
    page.count += resumed_after_;  // the server counted only what was left then
  }
  pages_.push_back({std::move(page), bytes});
  hand_over();
}

void RangePages::next(Next done) {
  CHECK_MSG(!waiting_, "one next() at a time");
  waiting_ = std::move(done);
  hand_over();
}

// As a task of its own, so that a callback never runs inside next().
void RangePages::hand_over() {
  if (posted_ || !waiting_ || (pages_.empty() && !finished_ && !error_)) return;
  posted_ = true;
  client_.env().executor.post([weak = std::weak_ptr(self_)] {
    const auto held = weak.lock();
    if (!held) return;
    RangePages& self = **held;
    self.posted_ = false;
    const Next done = std::exchange(self.waiting_, nullptr);
    if (!self.pages_.empty()) {
      Page page = std::move(self.pages_.front());
      self.pages_.pop_front();
      if (self.in_flight_ && self.client_.link() != nullptr)
        self.client_.link()->give_credit(self.link_id_, page.bytes);
      return done(std::optional(std::move(page.response)));
    }
    if (self.error_) return done(*self.error_);
    done(std::optional<RangeResponse>());
  });
}

void RangePages::fail(const Error& error) {
  error_ = error;
  timeout_.stop();
  retry_.stop();
  hand_over();
}

void RangePages::arm() {
  if (timeout_ms_ == 0) return;
  timeout_.start(std::chrono::milliseconds(timeout_ms_), [this] {
    if (!pages_.empty()) return arm();  // it is the caller who takes his time
    if (in_flight_ && client_.link() != nullptr) client_.link()->cancel(link_id_);
    in_flight_ = false;
    ++attempt_;
    fail(Error(ErrorCode::kDeadlineExceeded, "no page came in time"));
  });
}

}  // namespace revd

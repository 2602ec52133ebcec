#include "base/linux/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/linux/system_error.h"

namespace revd::os {

namespace {

constexpr int kEventsPerRound = 256;
constexpr int64_t kForever = -1;
constexpr int64_t kRetryDelayNs = 1'000'000;
constexpr uint64_t kWakeToken = std::numeric_limits<uint64_t>::max();

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create(const Clock& clock, size_t worker_count) {
  Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return io_error("epoll_create1", errno);
  Descriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return io_error("eventfd", errno);
  // Edge-triggered: each write wakes the loop once, and the counter needn't ever be read.
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u64 = kWakeToken}};
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) return io_error("epoll_ctl", errno);
  return std::unique_ptr<EventLoop>(new EventLoop(clock, worker_count, std::move(epoll), std::move(wake)));
}

EventLoop::EventLoop(const Clock& clock, size_t worker_count, Descriptor epoll, Descriptor wake)
    : clock_(clock),
      epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      workers_(*this, "revd-worker", worker_count) {}

EventLoop::~EventLoop() { shut_down(); }

void EventLoop::shut_down() {
  workers_.shut_down();
  timers_.clear();
  for (;;) {  // destroying a task may post another
    std::vector<Task> dropped;
    {
      const std::lock_guard lock(mutex_);
      dropped.swap(posted_);
    }
    if (dropped.empty()) break;
  }
}

void EventLoop::post(Task task) {
  bool must_wake = false;
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
    must_wake = std::exchange(sleeping_, false);
  }
  if (must_wake) wake();
}

void EventLoop::wake() noexcept {
  const uint64_t one = 1;
  // Fails only when the counter is full, and then the loop has been woken often enough.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void EventLoop::stop() noexcept {
  stop_.store(true);
  wake();
}

Executor::TimerId EventLoop::schedule(Duration delay, Task task) {
  const Instant now = clock_.now();
  const Instant due = delay > Instant::max() - now ? Instant::max() : now + delay;
  return timers_.add(due, std::move(task));
}

bool EventLoop::cancel(TimerId timer) { return timers_.cancel(timer); }

void EventLoop::run_on_worker(Task work, Task done) { workers_.run(std::move(work), std::move(done)); }

bool EventLoop::run_until(const std::function<bool()>& done) {
  CHECK_MSG(on_own_thread(), "run_until() outside the thread that created the loop");
  CHECK_MSG(!running_, "run_until() inside a task");
  running_ = true;
  bool reached = done();
  while (!reached && !stop_.load()) {
    round();
    reached = done();
  }
  running_ = false;
  return reached || !stop_.exchange(false);
}

void EventLoop::round() {
  disk_->flush();
  poll_events();
  run_timers();
  run_tasks();
  disk_->deliver();
  run_ready();
  disk_->flush();
}

void EventLoop::poll_events() {
  const int64_t wait_ns = nanoseconds_to_wait();
  epoll_event events[kEventsPerRound];
  int count = -1;
  if (precise_wait_) {
    const timespec wait{.tv_sec = wait_ns / 1'000'000'000, .tv_nsec = wait_ns % 1'000'000'000};
    count = epoll_pwait2(epoll_.get(), events, kEventsPerRound, wait_ns < 0 ? nullptr : &wait, nullptr);
    // Kernels before 5.11, and containers that filter what they don't know.
    precise_wait_ = count >= 0 || (errno != ENOSYS && errno != EPERM);
  }
  if (!precise_wait_) {
    constexpr int64_t kLongest = 3'600'000;
    const int64_t wait_ms = wait_ns < 0 ? -1 : std::min((wait_ns + 999'999) / 1'000'000, kLongest);
    count = epoll_wait(epoll_.get(), events, kEventsPerRound, static_cast<int>(wait_ms));
  }
  CHECK_MSG(count >= 0 || errno == EINTR, errno_text(errno));
  {
    const std::lock_guard lock(mutex_);
    sleeping_ = false;
  }
  for (int i = 0; i < count; ++i) {
    if (events[i].data.u64 == kWakeToken) continue;
    if (EventHandler* handler = find(events[i].data.u64)) handler->on_events(events[i].events);
  }
}

int64_t EventLoop::nanoseconds_to_wait() {
  if (disk_->has_completions() || !ready_.empty()) return 0;
  int64_t wait_ns = kForever;
  if (const std::optional<Instant> due = timers_.next_due())
    wait_ns = std::max<int64_t>((*due - clock_.now()).count(), 0);
  if (disk_->must_retry() && (wait_ns < 0 || wait_ns > kRetryDelayNs)) wait_ns = kRetryDelayNs;
  if (wait_ns == 0) return 0;
  const std::lock_guard lock(mutex_);
  if (!posted_.empty()) return 0;
  sleeping_ = true;
  return wait_ns;
}

void EventLoop::run_timers() {
  if (timers_.size() == 0) return;
  const Instant now = clock_.now();
  const TimerQueue::Id limit = timers_.next_id();
  while (std::optional<Task> task = timers_.take_due(now, limit)) (*task)();
}

void EventLoop::run_tasks() {
  {
    const std::lock_guard lock(mutex_);
    tasks_.swap(posted_);
  }
  for (Task& task : tasks_) {
    Task run = std::move(task);  // its captures go right after it ran
    run();
  }
  tasks_.clear();
}

void EventLoop::run_ready() {
  ready_now_.swap(ready_);
  for (const Token token : ready_now_)
    if (EventHandler* handler = find(token)) handler->on_ready();
  ready_now_.clear();
}

EventLoop::Token EventLoop::add_handler(EventHandler& handler) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const uint32_t index = free_slots_.back();
  free_slots_.pop_back();
  slots_[index].handler = &handler;
  return Token{slots_[index].generation} << 32 | index;
}

void EventLoop::remove_handler(Token token) {
  CHECK(find(token) != nullptr);
  Slot& slot = slots_[static_cast<uint32_t>(token)];
  slot.handler = nullptr;
  ++slot.generation;
  free_slots_.push_back(static_cast<uint32_t>(token));
}

EventHandler* EventLoop::find(Token token) const {
  const Slot& slot = slots_[static_cast<uint32_t>(token)];
  return slot.generation == token >> 32 ? slot.handler : nullptr;
}

Status EventLoop::watch(Token token, int descriptor, uint32_t events) {
  epoll_event event{.events = events, .data = {.u64 = token}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) return io_error("epoll_ctl", errno);
  return {};
}

void EventLoop::unwatch(int descriptor) {
  epoll_event unused{};
  CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, &unused) == 0);
}

}  // namespace revd::os

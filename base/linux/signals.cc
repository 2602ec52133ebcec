#include "base/linux/signals.h"

#include <atomic>
#include <cerrno>

#include "base/check.h"

namespace revd {

namespace {

constexpr int kSignals[] = {SIGTERM, SIGINT, SIGPIPE, SIGXFSZ};
constexpr bool stops(int signal) { return signal == SIGTERM || signal == SIGINT; }

std::atomic<LinuxEnv*> env_to_stop = nullptr;

void handle(int) {
  const int kept = errno;
  if (LinuxEnv* env = env_to_stop.load()) env->stop();
  errno = kept;
}

}  // namespace

StopOnSignals::StopOnSignals(LinuxEnv& env) {
  LinuxEnv* nobody = nullptr;
  CHECK_MSG(env_to_stop.compare_exchange_strong(nobody, &env), "a process has one StopOnSignals");
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    struct sigaction action{};
    action.sa_handler = stops(kSignals[i]) ? &handle : SIG_IGN;
    action.sa_flags = SA_RESTART;
    sigaction(kSignals[i], &action, &before_[i]);
  }
}

StopOnSignals::~StopOnSignals() {
  for (size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &before_[i], nullptr);
  env_to_stop.store(nullptr);
}

}  // namespace revd

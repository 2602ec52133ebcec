#include "base/linux/threads.h"

#include <pthread.h>

#include <csignal>
#include <utility>

namespace revd::os {

std::thread start_thread(const char* name, std::move_only_function<void()> body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited by the new thread from its first moment
  std::thread thread([body = std::move(body)]() mutable { body(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread.native_handle(), name);
  return thread;
}

}  // namespace revd::os

// start_thread: a named thread that takes no signals, so that handlers run on the reactor's thread.
#pragma once

#include <functional>
#include <thread>

namespace revd::os {

// `name` has at most 15 characters (the kernel's limit).
std::thread start_thread(const char* name, std::move_only_function<void()> body);

}  // namespace revd::os

// LinuxEnv: the real world of one reactor thread: clock, event loop, disk, TCP, log.
//
// Thread rule: created, used and destroyed on one thread; only stop() and Executor::post() may be
// called from others (stop() from a signal handler too).
// Owns: loop, workers, disk, sockets' poller, logger (unless one is handed in). Whatever was made
// through it (connections, listeners, operations, buffers under way) is used on its thread and gone,
// or at rest, before it: the destructor waits for what the kernel still works on, calls nobody back.
// Errors: create() fails where the system refuses an epoll or event descriptor, or a disk that was
// asked for by name.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/env.h"
#include "base/result.h"

namespace revd {

// Which Disk to use. kAuto is io_uring, or helper threads where the system refuses io_uring.
enum class DiskChoice : uint8_t { kAuto, kIoUring, kThreads };

// "auto", "io_uring" or "threads"; kInvalidArgument otherwise.
Result<DiskChoice> parse_disk_choice(std::string_view text);

struct LinuxEnvOptions {
  DiskChoice disk = DiskChoice::kAuto;
  LogLevel log_level = LogLevel::kInfo;  // less urgent lines are dropped
  bool log_to_stderr = true;             // false: nothing is logged
  Logger* logger = nullptr;              // borrowed; takes the place of the stderr logger
  size_t worker_count = 2;               // threads of run_on_worker, started when first needed
  int pretend_ring_error = 0;            // for tests: the errno that setting up io_uring seems to give
};

class LinuxEnv {
 public:
  static Result<std::unique_ptr<LinuxEnv>> create(const LinuxEnvOptions& options = {});
  ~LinuxEnv();
  LinuxEnv(const LinuxEnv&) = delete;
  LinuxEnv& operator=(const LinuxEnv&) = delete;

  // References stay valid as long as this object.
  Env env();

  // Makes the present run_until(), or else the next one, return false, once. Safe in signal
  // handlers and on any thread.
  void stop() noexcept;

 private:
  struct Parts;
  explicit LinuxEnv(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace revd

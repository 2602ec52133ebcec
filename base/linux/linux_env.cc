#include "base/linux/linux_env.h"

#include <sys/random.h>

#include <cerrno>
#include <utility>

#include "base/linux/event_loop.h"
#include "base/linux/linux_clock.h"
#include "base/linux/stderr_logger.h"
#include "base/linux/system_error.h"
#include "base/linux/tcp_network.h"
#include "base/linux/thread_disk.h"
#include "base/linux/uring_disk.h"

namespace revd {

namespace {

Result<uint64_t> system_seed() {
  uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) return os::io_error("getrandom", errno);
  return seed;
}

Result<std::unique_ptr<os::LinuxDisk>> create_disk(const LinuxEnvOptions& options, Logger& logger) {
  if (options.disk != DiskChoice::kThreads) {
    Result<std::unique_ptr<os::UringDisk>> ring = os::UringDisk::create(options.pretend_ring_error);
    if (ring.ok()) return std::unique_ptr<os::LinuxDisk>(std::move(*ring));
    if (options.disk == DiskChoice::kIoUring) return std::move(ring).error();
    logger.warning("disk", "io_uring is refused, a helper thread does the I/O",
                   {{"reason", ring.error().text()}});
  }
  TRY_ASSIGN(std::unique_ptr<os::ThreadDisk> threads, os::ThreadDisk::create());
  return std::unique_ptr<os::LinuxDisk>(std::move(threads));
}

}  // namespace

Result<DiskChoice> parse_disk_choice(std::string_view text) {
  if (text == "auto") return DiskChoice::kAuto;
  if (text == "io_uring") return DiskChoice::kIoUring;
  if (text == "threads") return DiskChoice::kThreads;
  return Error(ErrorCode::kInvalidArgument,
               str_cat("disk \"", escape_bytes(text), "\": expected auto, io_uring or threads"));
}

struct LinuxEnv::Parts {
  Parts(const LinuxEnvOptions& options, uint64_t seed) : random(seed) {
    if (options.logger != nullptr) {
      logger = options.logger;
    } else {
      if (options.log_to_stderr)
        own_logger = std::make_unique<os::StderrLogger>(clock, options.log_level);
      else
        own_logger = std::make_unique<os::NullLogger>();
      logger = own_logger.get();
    }
  }

  os::LinuxClock clock;
  Random random;
  std::unique_ptr<Logger> own_logger;
  Logger* logger = nullptr;
  std::unique_ptr<os::EventLoop> loop;
  std::unique_ptr<os::LinuxDisk> disk;
  std::unique_ptr<os::TcpNetwork> network;
};

Result<std::unique_ptr<LinuxEnv>> LinuxEnv::create(const LinuxEnvOptions& options) {
  TRY_ASSIGN(const uint64_t seed, system_seed());
  auto parts = std::make_unique<Parts>(options, seed);
  TRY_ASSIGN(parts->loop, os::EventLoop::create(parts->clock, options.worker_count));
  TRY_ASSIGN(parts->disk, create_disk(options, *parts->logger));
  TRY(parts->disk->attach(*parts->loop));
  parts->network = std::make_unique<os::TcpNetwork>(*parts->loop, *parts->logger);
  return std::unique_ptr<LinuxEnv>(new LinuxEnv(std::move(parts)));
}

LinuxEnv::LinuxEnv(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

LinuxEnv::~LinuxEnv() {
  parts_->disk->shut_down();  // first: buffers that tasks own may still be written by the kernel
  parts_->network->shut_down();
  parts_->loop->shut_down();
}

Env LinuxEnv::env() {
  return Env{.clock = parts_->clock,
             .disk = *parts_->disk,
             .network = *parts_->network,
             .executor = *parts_->loop,
             .logger = *parts_->logger,
             .random = parts_->random};
}

void LinuxEnv::stop() noexcept { parts_->loop->stop(); }

}  // namespace revd

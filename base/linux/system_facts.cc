#include "base/linux/system_facts.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "base/linux/system_error.h"

namespace revd {

uint64_t resident_memory_bytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total_pages = 0;
  uint64_t resident_pages = 0;
  if (!(file >> total_pages >> resident_pages)) return 0;
  return resident_pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

uint64_t open_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return limit.rlim_cur;
}

Result<uint64_t> raise_open_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return os::io_error("getrlimit", errno);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return os::io_error("setrlimit", errno);
  return uint64_t{limit.rlim_cur};
}

}  // namespace revd

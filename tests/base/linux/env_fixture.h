// What the tests of base/linux share: an env with one of the disks, and a fresh directory.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/linux/linux_env.h"
#include "base/strings.h"

namespace revd {

// The thread sanitizer doesn't see what the kernel does for a ring, so there the ring isn't tested.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kUnderThreadSanitizer = true;
#elif defined(__has_feature)
inline constexpr bool kUnderThreadSanitizer = __has_feature(thread_sanitizer);
#else
inline constexpr bool kUnderThreadSanitizer = false;
#endif

inline std::vector<DiskChoice> disks_to_test() {
  if (kUnderThreadSanitizer) return {DiskChoice::kThreads};
  return {DiskChoice::kIoUring, DiskChoice::kThreads};
}

inline std::string disk_name(const testing::TestParamInfo<DiskChoice>& info) {
  return info.param == DiskChoice::kIoUring ? "io_uring" : "threads";
}

inline std::unique_ptr<LinuxEnv> make_env(DiskChoice disk) {
  Result<std::unique_ptr<LinuxEnv>> env = LinuxEnv::create({.disk = disk, .log_to_stderr = false});
  return std::move(env).value();
}

// A directory of this process and test, empty, removed at the end.
class FreshDirectory {
 public:
  FreshDirectory() : path_(str_cat(testing::TempDir(), "revd_linux_", getpid(), "_", next_number())) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~FreshDirectory() { std::filesystem::remove_all(path_); }
  FreshDirectory(const FreshDirectory&) = delete;
  FreshDirectory& operator=(const FreshDirectory&) = delete;
  std::string file(std::string_view name) const { return str_cat(path_, "/", name); }
  const std::string& path() const { return path_; }

 private:
  static int next_number() {
    static int number = 0;
    return number++;
  }
  std::string path_;
};

}  // namespace revd

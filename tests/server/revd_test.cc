// The real program: started on a free port, written to and read through the client library, stopped, killed.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/linux/linux_env.h"
#include "base/strings.h"
#include "server/client/blocking_client.h"

namespace revd {
namespace {

// One run of the program; killed with this object.
class Program {
 public:
  Program(std::vector<std::string> arguments, int output) {
    arguments.insert(arguments.begin(), REVD_BINARY);
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(output, STDOUT_FILENO);
      execv(pointers[0], pointers.data());
      _exit(127);
    }
  }
  ~Program() {
    if (pid_ > 0) end(SIGKILL);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // The exit code, or minus the signal.
  int end(int signal) {
    kill(pid_, signal);
    return wait();
  }
  int wait() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
};

class RevdTest : public ::testing::Test {
 protected:
  void SetUp() override {
    data_dir_ = str_cat(::testing::TempDir(), "/revd-test-", getpid());
    std::filesystem::remove_all(data_dir_);
    auto env = LinuxEnv::create({.log_to_stderr = false});
    ASSERT_TRUE(env.ok());
    linux_ = std::move(*env);
    env_.emplace(linux_->env());
  }
  void TearDown() override {
    program_.reset();
    std::filesystem::remove_all(data_dir_);
  }

  // Starts it and waits for its ready line, which names the address.
  void start() {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    program_ = std::make_unique<Program>(
        std::vector<std::string>{"--data-dir", data_dir_, "--listen-client", "127.0.0.1:0", "--log-level",
                                 "error", "--cache-size-mb", "8"},
        ends[1]);
    close(ends[1]);
    ready_.clear();
    char byte = 0;
    while (read(ends[0], &byte, 1) == 1 && byte != '\n') ready_ += byte;
    close(ends[0]);
    const size_t at = ready_.find("clients=");
    ASSERT_NE(at, std::string::npos) << ready_;
    const std::string address = ready_.substr(at + 8, ready_.find(' ', at) - at - 8);
    auto parsed = Address::parse(address);
    ASSERT_TRUE(parsed.ok()) << address;
    address_ = *parsed;
  }
  ClientOptions to_server() const {
    ClientOptions options;
    options.endpoints = {address_};
    return options;
  }
  std::string get(const std::string& key) {
    BlockingClient client(*env_, to_server());
    auto range = client.call(RangeRequest{.key = key});
    if (!range.ok()) return range.error().describe();
    return range->kvs.empty() ? "(none)" : range->kvs[0].value;
  }
  Result<PutResponse> put(const std::string& key, const std::string& value) {
    BlockingClient client(*env_, to_server());
    return client.call(PutRequest{.key = key, .value = value});
  }

  std::string data_dir_;
  std::string ready_;
  Address address_;
  std::unique_ptr<LinuxEnv> linux_;
  std::optional<Env> env_;
  std::unique_ptr<Program> program_;
};

TEST_F(RevdTest, PutGetStopAndStartAgain) {
  ASSERT_NO_FATAL_FAILURE(start());
  EXPECT_NE(ready_.find(str_cat("data_dir=", data_dir_)), std::string::npos) << ready_;
  EXPECT_NE(ready_.find("revision=1 "), std::string::npos) << ready_;
  const auto done = put("greeting", "hello");
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(get("greeting"), "hello");
  EXPECT_EQ(program_->end(SIGTERM), 0);
  ASSERT_NO_FATAL_FAILURE(start());
  EXPECT_NE(ready_.find("revision=2 "), std::string::npos) << ready_;
  EXPECT_EQ(get("greeting"), "hello");
}

TEST_F(RevdTest, KilledItStartsWithoutHelp) {
  ASSERT_NO_FATAL_FAILURE(start());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(put(str_cat("k", i), str_cat(i)).ok());
  EXPECT_EQ(program_->end(SIGKILL), -SIGKILL);
  ASSERT_NO_FATAL_FAILURE(start());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(get(str_cat("k", i)), str_cat(i));
}

TEST_F(RevdTest, OneProcessPerDirectory) {
  ASSERT_NO_FATAL_FAILURE(start());
  Program second({"--data-dir", data_dir_, "--listen-client", "127.0.0.1:0"}, STDERR_FILENO);
  EXPECT_EQ(second.wait(), 1);
}

TEST_F(RevdTest, WrongSettingsEndItWithTwo) {
  Program wrong({"--cache-size-mb", "1"}, STDERR_FILENO);
  EXPECT_EQ(wrong.wait(), 2);
  Program checked({"--check-config", "--cache-size-mb", "9"}, STDERR_FILENO);
  EXPECT_EQ(checked.wait(), 0);
}

}  // namespace
}  // namespace revd

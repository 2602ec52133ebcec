// The three disks that the log's tests run on.
#pragma once

#include "tests/base/contract_env.h"
#include "tests/base/linux/env_fixture.h"
#include "tests/sim/contract_env.h"
#include "tests/wal/log_fixture.h"

namespace revd::wal {

class LinuxDiskEnv final : public ContractEnv {
 public:
  explicit LinuxDiskEnv(DiskChoice disk) : linux_(make_env(disk)), env_(linux_->env()) {}
  Env& env() override { return env_; }
  std::string directory() override { return directory_.path(); }

 private:
  FreshDirectory directory_;
  std::unique_ptr<LinuxEnv> linux_;
  Env env_;
};

inline std::vector<ContractParam> all_disks() {
  std::vector<ContractParam> disks = {sim_contract(1), sim_contract(2)};
  for (const DiskChoice choice : disks_to_test())
    disks.push_back({.name = choice == DiskChoice::kIoUring ? "io_uring" : "threads",
                     .make = [choice] { return std::make_unique<LinuxDiskEnv>(choice); }});
  return disks;
}

// A fresh log directory on the disk under test. The log goes before the disk.
class WalOnDisk : public ContractTest {
 protected:
  void SetUp() override {
    ContractTest::SetUp();
    log_ = std::make_unique<TestLog>(env(), directory());
  }
  void TearDown() override { log_.reset(); }
  TestLog& log() { return *log_; }

 private:
  std::unique_ptr<TestLog> log_;
};

}  // namespace revd::wal

// The contracts of the seams, on both disks of base/linux.
#include "tests/base/disk_contract.h"
#include "tests/base/executor_contract.h"
#include "tests/base/linux/env_fixture.h"
#include "tests/base/network_contract.h"

namespace revd {
namespace {

class LinuxContractEnv final : public ContractEnv {
 public:
  explicit LinuxContractEnv(DiskChoice disk) : linux_env_(make_env(disk)), env_(linux_env_->env()) {}
  Env& env() override { return env_; }
  std::string directory() override { return directory_.path(); }

 private:
  FreshDirectory directory_;
  std::unique_ptr<LinuxEnv> linux_env_;
  Env env_;
};

std::vector<ContractParam> environments() {
  std::vector<ContractParam> all;
  for (const DiskChoice disk : disks_to_test())
    all.push_back({disk == DiskChoice::kIoUring ? "io_uring" : "threads",
                   [disk] { return std::make_unique<LinuxContractEnv>(disk); }});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Linux, DiskContract, testing::ValuesIn(environments()), contract_name);
INSTANTIATE_TEST_SUITE_P(Linux, DiskNamesContract, testing::ValuesIn(environments()), contract_name);
INSTANTIATE_TEST_SUITE_P(Linux, ExecutorContract, testing::ValuesIn(environments()), contract_name);
INSTANTIATE_TEST_SUITE_P(Linux, NetworkContract, testing::ValuesIn(environments()), contract_name);

}  // namespace
}  // namespace revd

// ContractEnv: what a contract test (disk_contract.h, executor_contract.h, network_contract.h) needs
// from the implementation under test.
//
// The contracts are value-parameterized suites. An executable includes the headers it wants in ONE of
// its files and instantiates the suites with its own factories:
//
//   INSTANTIATE_TEST_SUITE_P(Simulated, DiskContract, ::testing::Values(ContractParam{"sim", make}),
//                            contract_name);
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "base/env.h"

namespace revd {

class ContractEnv {
 public:
  virtual ~ContractEnv() = default;
  virtual Env& env() = 0;
  // An existing, empty directory of this test's own.
  virtual std::string directory() = 0;
  // A host that both listen and connect understand.
  virtual std::string host() { return "127.0.0.1"; }
};

struct ContractParam {
  std::string name;
  std::function<std::unique_ptr<ContractEnv>()> make;
};

inline std::string contract_name(const ::testing::TestParamInfo<ContractParam>& info) {
  return info.param.name;
}
inline void PrintTo(const ContractParam& param, std::ostream* out) { *out << param.name; }

// Builds the implementation's Env for each test.
class ContractTest : public ::testing::TestWithParam<ContractParam> {
 protected:
  void SetUp() override { under_test_ = GetParam().make(); }
  Env& env() { return under_test_->env(); }
  Disk& disk() { return env().disk; }
  Executor& executor() { return env().executor; }
  std::string host() { return under_test_->host(); }
  // A path inside the test's directory.
  std::string path(const std::string& name) {
    if (directory_.empty()) directory_ = under_test_->directory();
    return directory_ + "/" + name;
  }
  std::string directory() {
    path("");
    return directory_;
  }
  [[nodiscard]] bool run_until(const std::function<bool()>& done) { return executor().run_until(done); }

 private:
  std::unique_ptr<ContractEnv> under_test_;
  std::string directory_;
};

}  // namespace revd

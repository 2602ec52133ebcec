// The simulator's factory for the contract tests (tests/base/contract_env.h).
#pragma once

#include <memory>

#include "tests/base/contract_env.h"
#include "tests/sim/world.h"

namespace revd {

class SimContractEnv final : public ContractEnv {
 public:
  explicit SimContractEnv(uint64_t seed) : world_(seed), process_(world_.add_process("n1")) {
    process_.medium().make_directory("/data");
  }
  Env& env() override { return process_.env(); }
  std::string directory() override { return "/data"; }
  SimWorld& world() { return world_; }

 private:
  SimWorld world_;
  SimProcess& process_;
};

// One parameter per seed: "simulated_1", ...
inline ContractParam sim_contract(uint64_t seed) {
  return {.name = "simulated_" + std::to_string(seed),
          .make = [seed] { return std::make_unique<SimContractEnv>(seed); }};
}

}  // namespace revd

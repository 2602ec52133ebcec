// The contracts of Disk, Executor and Network on the simulator.
#include "tests/base/disk_contract.h"
#include "tests/base/executor_contract.h"
#include "tests/base/network_contract.h"
#include "tests/sim/contract_env.h"

namespace revd {
namespace {

const auto kSeeds = ::testing::Values(sim_contract(1), sim_contract(2), sim_contract(3));

INSTANTIATE_TEST_SUITE_P(Sim, DiskContract, kSeeds, contract_name);
INSTANTIATE_TEST_SUITE_P(Sim, DiskNamesContract, kSeeds, contract_name);
INSTANTIATE_TEST_SUITE_P(Sim, ExecutorContract, kSeeds, contract_name);
INSTANTIATE_TEST_SUITE_P(Sim, NetworkContract, kSeeds, contract_name);

}  // namespace
}  // namespace revd

// What a crash point costs: copying a medium, resolving a power cut, starting a world on it.
//   ninja sim_bench && bin/sim_bench
#include <benchmark/benchmark.h>

#include "tests/sim/world.h"

namespace revd {
namespace {

// 4 MiB in four files; `pending` blocks of 4 KiB not synced.
SimMedium make_medium(int64_t pending) {
  SimWorld world(1);
  SimProcess& node = world.add_process("n1");
  AlignedBuffer buffer(1 << 20);
  std::fill_n(buffer.data(), buffer.size(), std::byte{7});
  for (int i = 0; i < 4; ++i) {
    const std::string path = "/f" + std::to_string(i);
    node.medium().overwrite(path, 0, buffer.span());
    const Result<OpenedFile> opened = open_file(node.disk(), path, {});
    for (int64_t block = i; block < pending; block += 4)
      CHECK(write_fully(node.disk(), opened->file, static_cast<uint64_t>(block) * kIoAlignment,
                        buffer.span().first(kIoAlignment), false)
                .ok());
  }
  return node.medium();
}

void BM_Copy(benchmark::State& state) {
  const SimMedium medium = make_medium(state.range(0));
  for (auto _ : state) {
    SimMedium copy = medium;
    benchmark::DoNotOptimize(copy);
  }
}
BENCHMARK(BM_Copy)->Arg(0)->Arg(64);

void BM_PowerCut(benchmark::State& state) {
  const SimMedium medium = make_medium(state.range(0));
  Random random(1);
  for (auto _ : state) {
    SimMedium after = medium.crash(random);
    benchmark::DoNotOptimize(after);
  }
}
BENCHMARK(BM_PowerCut)->Arg(0)->Arg(8)->Arg(64);

// A whole crash point: cut, a new world on what is left, one file opened and read.
void BM_CrashPoint(benchmark::State& state) {
  const SimMedium medium = make_medium(8);
  Random random(1);
  AlignedBuffer buffer(1 << 16);
  for (auto _ : state) {
    SimWorld world(random.next());
    SimProcess& node = world.add_process("n1", std::make_shared<SimMedium>(medium.crash(random)));
    const Result<OpenedFile> opened = open_file(node.disk(), "/f0", {});
    CHECK(read_exactly(node.disk(), opened->file, 0, buffer.span()).ok());
  }
}
BENCHMARK(BM_CrashPoint);

// One durable 4 KiB write, submit to completion.
void BM_DurableWrite(benchmark::State& state) {
  SimWorld world(1);
  SimProcess& node = world.add_process("n1");
  AlignedBuffer buffer(kIoAlignment);
  std::fill_n(buffer.data(), buffer.size(), std::byte{7});
  const Result<OpenedFile> opened = open_file(node.disk(), "/a", {.create = true});
  uint64_t at = 0;
  for (auto _ : state) {
    CHECK(write_fully(node.disk(), opened->file, at, buffer.span(), true).ok());
    at = (at + kIoAlignment) % (1 << 22);
  }
}
BENCHMARK(BM_DurableWrite);

}  // namespace
}  // namespace revd

BENCHMARK_MAIN();

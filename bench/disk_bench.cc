// The Disk seam on a real file: durable overwrites and random reads, at several depths, on both disks.
// Compare with fio in the same run: ./dev bench disk. The file lies in REVD_BENCH_DIR, or here.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "base/histogram.h"
#include "base/linux/linux_env.h"
#include "base/strings.h"

namespace revd {
namespace {

constexpr size_t kBlock = 4096;
constexpr uint64_t kFileSize = uint64_t{64} << 20;

std::string bench_file() {
  const char* directory = std::getenv("REVD_BENCH_DIR");
  return str_cat(directory != nullptr ? directory : ".", "/disk_bench.", getpid());
}

// Keeps `depth` operations under way, each block of the file in its turn (writes) or at random (reads).
class Load {
 public:
  Load(DiskChoice choice, DiskOp::Kind kind, size_t depth)
      : linux_env_(LinuxEnv::create({.disk = choice}).value()), env_(linux_env_->env()), random_(1) {
    const AlignedBuffer zeros = buffer(size_t{1} << 20);
    file_ = open_file(env_.disk, path_, {.create = true}).value().file;
    for (uint64_t at = 0; at < kFileSize; at += zeros.size())
      write_fully(env_.disk, file_, at, zeros.span(), false).value();
    sync_file(env_.disk, file_).value();
    for (size_t i = 0; i < depth; ++i) {
      Slot& slot = *slots_.emplace_back(std::make_unique<Slot>());
      slot.memory = buffer(kBlock);
      slot.op.kind = kind;
      slot.op.file = file_;
      slot.op.durable = true;
    }
  }
  ~Load() { unlink(path_.c_str()); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Until `count` more operations have ended; the pipe is drained at the end.
  void run(size_t count) {
    to_start_ = count;
    size_t under_way = 0;
    for (const auto& slot : slots_)
      if (start(*slot)) ++under_way;
    under_way_ = under_way;
    env_.executor.run_until([this] { return under_way_ == 0; });
  }
  const Histogram& latency() const { return latency_; }

 private:
  struct Slot {
    DiskOp op;
    AlignedBuffer memory;
    Instant started;
  };
  static AlignedBuffer buffer(size_t size) {
    AlignedBuffer memory(size);
    std::memset(memory.data(), 7, size);
    return memory;
  }
  bool start(Slot& slot) {
    if (to_start_ == 0) return false;
    --to_start_;
    if (slot.op.kind == DiskOp::Kind::kRead) {
      slot.op.read_into = slot.memory.span();
      slot.op.offset = random_.below(kFileSize / kBlock) * kBlock;
    } else {
      slot.op.write_from = slot.memory.span();
      slot.op.offset = next_block_++ % (kFileSize / kBlock) * kBlock;
    }
    slot.op.on_done = [this, &slot] {
      CHECK(slot.op.result.ok());
      latency_.record(static_cast<uint64_t>((env_.clock.now() - slot.started).count()));
      if (!start(slot)) --under_way_;
    };
    slot.started = env_.clock.now();
    env_.disk.submit(slot.op);
    return true;
  }

  const std::string path_ = bench_file();
  std::unique_ptr<LinuxEnv> linux_env_;
  Env env_;
  Random random_;
  FileHandle file_;
  std::vector<std::unique_ptr<Slot>> slots_;
  size_t to_start_ = 0;
  size_t under_way_ = 0;
  uint64_t next_block_ = 0;
  Histogram latency_;
};

void run_load(benchmark::State& state, DiskChoice choice, DiskOp::Kind kind) {
  constexpr size_t kBatch = 1024;
  Load load(choice, kind, static_cast<size_t>(state.range(0)));
  while (state.KeepRunningBatch(kBatch)) load.run(kBatch);
  state.SetItemsProcessed(state.iterations());
  state.counters["p50_us"] = static_cast<double>(load.latency().percentile(50)) / 1000;
  state.counters["p99_us"] = static_cast<double>(load.latency().percentile(99)) / 1000;
}

void durable_write(benchmark::State& state, DiskChoice choice) {
  run_load(state, choice, DiskOp::Kind::kWrite);
}
void random_read(benchmark::State& state, DiskChoice choice) { run_load(state, choice, DiskOp::Kind::kRead); }

BENCHMARK_CAPTURE(durable_write, io_uring, DiskChoice::kIoUring)->Arg(1)->Arg(2)->Arg(4)->UseRealTime();
BENCHMARK_CAPTURE(durable_write, threads, DiskChoice::kThreads)->Arg(1)->Arg(4)->UseRealTime();
BENCHMARK_CAPTURE(random_read, io_uring, DiskChoice::kIoUring)->Arg(1)->Arg(64)->UseRealTime();
BENCHMARK_CAPTURE(random_read, threads, DiskChoice::kThreads)->Arg(1)->Arg(64)->UseRealTime();

}  // namespace
}  // namespace revd

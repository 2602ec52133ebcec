// Nodes and extents: search in a full leaf, insert until full, validate, compress and decompress.
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "base/random.h"
#include "btree/extent.h"
#include "btree/node.h"

namespace revd::btree {
namespace {

// 24-byte keys, as a table with a prefix and a random part has them.
std::vector<std::string> make_keys(size_t count, bool random_part) {
  Random random(1);
  std::vector<std::string> keys;
  for (size_t i = 0; i < count; ++i) {
    std::string key = "table/7/";
    if (random_part) {
      for (int digit = 0; digit < 16; ++digit) key.push_back("0123456789abcdef"[random.below(16)]);
    } else {
      const std::string number = std::to_string(5000000 + i);
      key.append(16 - number.size(), '0').append(number);
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

CellKey cell_key(const std::string& key) { return {.inline_part = key, .rest = {}}; }

struct FullLeaf {
  FullLeaf(size_t page_bytes, bool random_part, size_t value_bytes = 20)
      : page(page_bytes), leaf(Leaf::init(page)), keys(make_keys(2000, random_part)) {
    Random random(2);
    std::string value(value_bytes, 'v');
    size_t used = 0;
    for (; used < keys.size(); ++used) {
      for (size_t i = 0; i < value.size() / 2; ++i) value[i] = static_cast<char>(random.next());
      const Position at = leaf.find(keys[used]);
      if (!leaf.insert(at.index, cell_key(keys[used]), {.bytes = value, .overflow = {}})) break;
    }
    keys.resize(used);
    leaf.compactify();
  }
  std::vector<std::byte> page;
  Leaf leaf;
  std::vector<std::string> keys;
};

// Arguments: page bytes, random part or ascending numbers.
void BM_FindInFullLeaf(benchmark::State& state) {
  const FullLeaf full(static_cast<size_t>(state.range(0)), state.range(1) != 0);
  Random random(3);
  std::vector<const std::string*> probes(4096);
  for (auto& probe : probes) probe = &full.keys[random.below(full.keys.size())];
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(full.leaf.find(*probes[i++ % probes.size()]));
  state.counters["keys"] = static_cast<double>(full.keys.size());
}
BENCHMARK(BM_FindInFullLeaf)->ArgsProduct({{8192, 16384}, {0, 1}});

void BM_FindChild(benchmark::State& state) {
  std::vector<std::byte> page(kInnerPageBytes);
  const PagePointer child = PagePointer::dirty(PageType::kLeaf, DirtyId(1));
  Inner inner = Inner::init(page, 1, child);
  std::vector<std::string> keys = make_keys(2000, true);
  for (auto& key : keys) {
    key.resize(12);  // as separators are cut
    if (!inner.can_insert(cell_key(key))) break;
    const Position at = inner.find_separator(key);
    if (!at.exact) inner.insert(at.index, cell_key(key), child);
  }
  inner.compactify();
  Random random(3);
  std::vector<const std::string*> probes(4096);
  for (auto& probe : probes) probe = &keys[random.below(keys.size())];
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(inner.find_child(*probes[i++ % probes.size()]));
  state.counters["children"] = static_cast<double>(inner.count());
}
BENCHMARK(BM_FindChild);

// One insert, on the average of filling an empty leaf in random or ascending order.
void BM_FillLeaf(benchmark::State& state) {
  const size_t page_bytes = static_cast<size_t>(state.range(0));
  const FullLeaf full(page_bytes, state.range(1) != 0);
  const std::string value(20, 'v');
  std::vector<std::byte> page(page_bytes);
  for (auto _ : state) {
    Leaf leaf = Leaf::init(page);
    for (const std::string& key : full.keys)
      leaf.insert(leaf.find(key).index, cell_key(key), {.bytes = value, .overflow = {}});
    benchmark::DoNotOptimize(leaf.count());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(full.keys.size()));
}
BENCHMARK(BM_FillLeaf)->ArgsProduct({{8192, 16384}, {0, 1}});

void BM_SplitLeaf(benchmark::State& state) {
  FullLeaf full(static_cast<size_t>(state.range(0)), true);
  const std::vector<std::byte> original = full.page;
  std::vector<std::byte> other(full.page.size());
  for (auto _ : state) {
    std::memcpy(full.page.data(), original.data(), original.size());
    Leaf right = Leaf::init(other);
    full.leaf.split(full.leaf.count() / 2, right);
    benchmark::DoNotOptimize(right.count());
  }
}
BENCHMARK(BM_SplitLeaf)->Arg(8192)->Arg(16384);

void BM_ValidateLeaf(benchmark::State& state) {
  const FullLeaf full(static_cast<size_t>(state.range(0)), true);
  for (auto _ : state) benchmark::DoNotOptimize(validate_node(full.page, {}).ok());
}
BENCHMARK(BM_ValidateLeaf)->Arg(8192)->Arg(16384);

// Arguments: page bytes, zstd or raw.
void BM_EncodeExtent(benchmark::State& state) {
  const FullLeaf full(static_cast<size_t>(state.range(0)), true, 100);
  const ExtentOwner owner = extent_owner(Uuid{}, TreeId(1));
  ExtentCodec codec;
  std::vector<std::byte> out(full.page.size());
  uint32_t stored = 0;
  for (auto _ : state)
    stored = codec
                 .encode(owner,
                         {.page = full.page,
                          .type = PageType::kLeaf,
                          .birth = CheckpointId(1),
                          .try_zstd = state.range(1) != 0},
                         out)
                 .stored_bytes();
  state.SetBytesProcessed(state.iterations() * state.range(0));
  state.counters["stored"] = stored;
}
BENCHMARK(BM_EncodeExtent)->ArgsProduct({{8192, 16384}, {0, 1}});

void BM_DecodeExtent(benchmark::State& state) {
  const FullLeaf full(static_cast<size_t>(state.range(0)), true, 100);
  const ExtentOwner owner = extent_owner(Uuid{}, TreeId(1));
  ExtentCodec codec;
  std::vector<std::byte> out(full.page.size());
  const PagePointer pointer = codec.encode(
      owner,
      {.page = full.page, .type = PageType::kLeaf, .birth = CheckpointId(1), .try_zstd = state.range(1) != 0},
      out);
  std::vector<std::byte> page(full.page.size());
  for (auto _ : state) benchmark::DoNotOptimize(codec.decode(owner, pointer, out, page).ok());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_DecodeExtent)->ArgsProduct({{8192, 16384}, {0, 1}});

}  // namespace
}  // namespace revd::btree

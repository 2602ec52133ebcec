// The page file beside LMDB (where it is installed): ordered load, hot random get, scan of all, bytes on
// disk.
//
// The same entries in both: 24-byte keys, 150-byte values of which half can be compressed. REVD_BENCH_KEYS
// changes their number (1,000,000). Files are made once per process in a fresh directory under REVD_BENCH_DIR
// (or the system's temporary one) and removed at the end. Loads are one transaction, made durable at its end.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#ifdef REVD_HAVE_LMDB
#include <lmdb.h>
#endif

#include "base/linux/linux_env.h"
#include "base/random.h"
#include "base/strings.h"
#include "btree/page_file.h"

namespace revd::btree {
namespace {

constexpr size_t kKeyBytes = 24;
constexpr size_t kValueBytes = 150;

// The entries in order, and a random order to ask for them.
class Entries {
 public:
  Entries() {
    const char* wanted = std::getenv("REVD_BENCH_KEYS");
    const size_t count = wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 1'000'000;
    Random random(1);
    keys_.reserve(count);
    for (size_t i = 0; i < count; ++i) keys_.push_back(str_cat("user/", to_hex(random.next()), "/00"));
    std::sort(keys_.begin(), keys_.end());
    pool_.resize(1 << 20);
    random.fill(std::as_writable_bytes(std::span(pool_)));
    asked_.reserve(count * kKeyBytes);
    for (size_t i = 0; i < count; ++i) asked_ += keys_[random.below(count)];
  }
  size_t count() const { return keys_.size(); }
  const std::string& key(size_t i) const { return keys_[i]; }
  std::string_view value(size_t i) {
    value_.assign(kValueBytes, 'v');
    value_.replace(0, kValueBytes / 2,
                   std::string_view(pool_).substr(i * 61 % (pool_.size() - 100), kValueBytes / 2));
    return value_;
  }
  std::string_view asked(size_t i) const {
    return std::string_view(asked_).substr(i % count() * kKeyBytes, kKeyBytes);
  }

 private:
  std::vector<std::string> keys_;
  std::string asked_;  // keys one after another, so that asking costs no cache miss
  std::string pool_;
  std::string value_;
};

Entries& entries() {
  static Entries all;
  return all;
}

class Directory {
 public:
  Directory() {
    const char* wanted = std::getenv("REVD_BENCH_DIR");
    path_ = (wanted != nullptr ? std::filesystem::path(wanted) : std::filesystem::temp_directory_path()) /
            str_cat("revd_btree_bench_", reinterpret_cast<uintptr_t>(this));
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string file(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

template <typename T>
T must(Result<T> result) {
  CHECK_MSG(result.ok(), result.error().describe());
  return std::move(result).value();
}
void must(const Status& status) { CHECK_MSG(status.ok(), status.error().describe()); }

class Revd {
 public:
  explicit Revd(const std::string& path)
      : linux_(must(LinuxEnv::create({.log_to_stderr = false}))), env_(linux_->env()) {
    PageFileOptions options;
    options.cache_bytes = uint64_t{1} << 30;  // all of it, as LMDB has it
    file_ = must(PageFile::create(env_, path, options));
    tree_ = must(file_->ensure_tree("entries", {.leaf_page_bytes = 8192}));
  }
  void load() {
    WriteTxn txn = file_->begin_write();
    for (size_t i = 0; i < entries().count(); ++i) must(txn.put(tree_, entries().key(i), entries().value(i)));
    txn.commit({});
    bool ended = false;
    file_->checkpoint({}, [&](const Status& status) {
      must(status);
      ended = true;
    });
    env_.executor.run_until([&] { return ended; });
  }
  Snapshot snapshot() { return file_->snapshot(); }
  TreeId tree() const { return tree_; }
  const Superblock& superblock() const { return file_->superblock(); }

 private:
  std::unique_ptr<LinuxEnv> linux_;
  Env env_;
  std::unique_ptr<PageFile> file_;
  TreeId tree_;
};

Revd& loaded_revd() {
  static Directory directory;
  static const std::unique_ptr<Revd> revd = [] {
    auto made = std::make_unique<Revd>(directory.file("pages"));
    made->load();
    return made;
  }();
  return *revd;
}

void count_items(benchmark::State& state, size_t items) {
  state.SetItemsProcessed(static_cast<int64_t>(items));
}

void load_ordered_revd(benchmark::State& state) {
  size_t items = 0;
  entries();
  for (auto _ : state) {
    state.PauseTiming();
    const Directory directory;
    Revd revd(directory.file("pages"));
    state.ResumeTiming();
    revd.load();
    items += entries().count();
    state.PauseTiming();
    state.counters["live_MB"] = static_cast<double>(revd.superblock().live_bytes) / 1e6;
    state.counters["file_MB"] =
        static_cast<double>(std::filesystem::file_size(directory.file("pages"))) / 1e6;
    state.ResumeTiming();
  }
  count_items(state, items);
}
BENCHMARK(load_ordered_revd)->Unit(benchmark::kMillisecond)->UseRealTime();

void get_hot_revd(benchmark::State& state) {
  Snapshot snapshot = loaded_revd().snapshot();
  const TreeId tree = loaded_revd().tree();
  size_t i = 0;
  size_t sum = 0;
  for (auto _ : state) {
    const auto found = snapshot.get(tree, entries().asked(i++));
    CHECK(found.ok() && found->has_value());
    sum += static_cast<unsigned char>((*found)->view()[kValueBytes - 1]);
  }
  benchmark::DoNotOptimize(sum);
  count_items(state, i);
}
BENCHMARK(get_hot_revd);

void scan_revd(benchmark::State& state) {
  Snapshot snapshot = loaded_revd().snapshot();
  size_t items = 0;
  size_t sum = 0;
  for (auto _ : state) {
    Cursor cursor = must(snapshot.cursor(loaded_revd().tree()));
    for (must(cursor.seek_first()); cursor.valid(); must(cursor.next()), ++items) {
      sum += cursor.key().size();
      sum += static_cast<unsigned char>(must(cursor.value())[kValueBytes - 1]);
    }
  }
  CHECK(items % entries().count() == 0);
  benchmark::DoNotOptimize(sum);
  count_items(state, items);
}
BENCHMARK(scan_revd)->Unit(benchmark::kMillisecond);

#ifdef REVD_HAVE_LMDB
void check_lmdb(int code) { CHECK_MSG(code == MDB_SUCCESS, mdb_strerror(code)); }

class Lmdb {
 public:
  explicit Lmdb(const std::string& path) : path_(path) {
    check_lmdb(mdb_env_create(&env_));
    check_lmdb(mdb_env_set_mapsize(env_, size_t{4} << 30));
    check_lmdb(mdb_env_open(env_, path.c_str(), MDB_NOSUBDIR, 0600));
  }
  ~Lmdb() { mdb_env_close(env_); }
  Lmdb(const Lmdb&) = delete;
  Lmdb& operator=(const Lmdb&) = delete;

  void load() {
    MDB_txn* txn = nullptr;
    check_lmdb(mdb_txn_begin(env_, nullptr, 0, &txn));
    check_lmdb(mdb_dbi_open(txn, nullptr, 0, &dbi_));
    for (size_t i = 0; i < entries().count(); ++i) {
      MDB_val key = value_of(entries().key(i));
      MDB_val value = value_of(entries().value(i));
      check_lmdb(mdb_put(txn, dbi_, &key, &value, MDB_APPEND));
    }
    check_lmdb(mdb_txn_commit(txn));
  }
  static MDB_val value_of(std::string_view text) {
    return {.mv_size = text.size(), .mv_data = const_cast<char*>(text.data())};
  }
  MDB_env* env() { return env_; }
  MDB_dbi dbi() const { return dbi_; }
  double file_mb() const { return static_cast<double>(std::filesystem::file_size(path_)) / 1e6; }

 private:
  std::string path_;
  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
};

Lmdb& loaded_lmdb() {
  static Directory directory;
  static const std::unique_ptr<Lmdb> lmdb = [] {
    auto made = std::make_unique<Lmdb>(directory.file("data.mdb"));
    made->load();
    return made;
  }();
  return *lmdb;
}

void load_ordered_lmdb(benchmark::State& state) {
  size_t items = 0;
  entries();
  for (auto _ : state) {
    state.PauseTiming();
    const Directory directory;
    Lmdb lmdb(directory.file("data.mdb"));
    state.ResumeTiming();
    lmdb.load();
    items += entries().count();
    state.PauseTiming();
    state.counters["file_MB"] = lmdb.file_mb();
    state.ResumeTiming();
  }
  count_items(state, items);
}
BENCHMARK(load_ordered_lmdb)->Unit(benchmark::kMillisecond)->UseRealTime();

void get_hot_lmdb(benchmark::State& state) {
  MDB_txn* txn = nullptr;
  check_lmdb(mdb_txn_begin(loaded_lmdb().env(), nullptr, MDB_RDONLY, &txn));
  size_t i = 0;
  size_t sum = 0;
  for (auto _ : state) {
    MDB_val key = Lmdb::value_of(entries().asked(i++));
    MDB_val value{};
    check_lmdb(mdb_get(txn, loaded_lmdb().dbi(), &key, &value));
    sum += static_cast<const unsigned char*>(value.mv_data)[kValueBytes - 1];
  }
  benchmark::DoNotOptimize(sum);
  mdb_txn_abort(txn);
  count_items(state, i);
}
BENCHMARK(get_hot_lmdb);

void scan_lmdb(benchmark::State& state) {
  MDB_txn* txn = nullptr;
  check_lmdb(mdb_txn_begin(loaded_lmdb().env(), nullptr, MDB_RDONLY, &txn));
  size_t items = 0;
  size_t sum = 0;
  for (auto _ : state) {
    MDB_cursor* cursor = nullptr;
    check_lmdb(mdb_cursor_open(txn, loaded_lmdb().dbi(), &cursor));
    MDB_val key{};
    MDB_val value{};
    for (int code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST); code == MDB_SUCCESS;
         code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT), ++items)
      sum += key.mv_size + static_cast<const unsigned char*>(value.mv_data)[kValueBytes - 1];
    mdb_cursor_close(cursor);
  }
  CHECK(items % entries().count() == 0);
  benchmark::DoNotOptimize(sum);
  mdb_txn_abort(txn);
  count_items(state, items);
}
BENCHMARK(scan_lmdb)->Unit(benchmark::kMillisecond);
#endif

}  // namespace
}  // namespace revd::btree

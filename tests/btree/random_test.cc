// Random operations on several trees against std::map, with snapshots, checkpoints that run meanwhile, caches
// far too small, long keys and values, mass deletes and reopening; the verifier each time.
#include "base/random.h"
#include "base/strings.h"
#include "tests/btree/page_file_fixture.h"

namespace revd::btree {
namespace {

class RandomRun {
 public:
  explicit RandomRun(uint64_t seed) : random_(seed), f_(seed, options_for(random_)) {
    f_.create();
    trees_ = {f_.tree("small"), f_.tree("large", 16384), f_.tree("third")};
    mode_ = random_.chance(1, 3) ? ReadMode::kNonBlocking : ReadMode::kBlocking;
    long_objects_ = random_.chance(2, 3);
  }

  void run(int rounds) {
    for (int round = 0; round < rounds && !::testing::Test::HasFatalFailure(); ++round) {
      transaction();
      if (random_.chance(1, 3)) look_at_snapshots();
      if (random_.chance(1, 2)) f_.world.run_for(std::chrono::microseconds(random_.below(3000)));
      if (!f_.file->checkpoint_running() && random_.chance(1, 3)) {
        ASSERT_OK(f_.checkpoint_status);
        f_.start_checkpoint();
        frozen_ = f_.model;
      }
      if (random_.chance(1, 12)) settle();
      if (random_.chance(1, 25)) reopen();
    }
    settle();
    reopen();
  }
  PageFileFixture& fixture() { return f_; }

 private:
  struct Seen {
    Snapshot snapshot;
    Trees model;
  };

  static PageFileOptions options_for(Random& random) {
    PageFileOptions options = PageFileFixture::small_options();
    options.cache_bytes = random.chance(1, 2) ? kMinCacheBytes : kMinCacheBytes * 4;
    options.compression = random.chance(3, 4);
    return options;
  }

  std::string make_key(size_t tree) {
    const uint64_t number = random_.below(3000);
    std::string key = str_cat(tree == 1 ? "a common prefix of some length/" : "", number % 7, "/", number);
    if (long_objects_ && number % 97 == 0) key = std::string(900 + number % 5 * 200, 'L') + key;
    if (long_objects_ && number % 983 == 0) key = std::string(20000, 'M') + key;
    return key;
  }
  std::string make_value() {
    size_t length = random_.below(150);
    if (random_.chance(1, 20)) length = random_.below(3000);
    if (long_objects_ && random_.chance(1, 100)) length = random_.below(90000);
    std::string value(length, static_cast<char>('a' + random_.below(26)));
    if (random_.chance(1, 2))
      for (char& c : value) c = static_cast<char>(random_.below(256));
    return value;
  }

  // Repeats `step` until it doesn't miss any more.
  template <typename Step, typename Reader>
  auto repeat(Step step, Reader& reader) -> decltype(step()) {
    for (int tries = 0;; ++tries) {
      auto result = step();
      if (result.ok() || result.error().code() != ErrorCode::kWouldBlock || tries == 10000) return result;
      bool loaded = false;
      Status status;
      f_.file->load(reader.missing(), [&](Status s) {
        status = std::move(s);
        loaded = true;
      });
      f_.process->executor().run_until([&] { return loaded; });
      if (!status.ok()) return std::move(status).error();
      ++misses_;
    }
  }

  void transaction() {
    const bool preserve = random_.chance(1, 3);
    const Trees before = f_.model;
    WriteTxn txn = f_.file->begin_write({.preserve_published = preserve, .mode = mode_});
    const uint64_t kind = random_.below(10);
    const uint64_t count = kind == 0 ? 0 : random_.below(kind < 8 ? 60 : 1500);
    for (uint64_t i = 0; i < count && !::testing::Test::HasFatalFailure(); ++i) {
      change(txn, kind);
      if (preserve && random_.chance(1, 50)) during(before);
    }
    if (random_.chance(1, 10)) erase_range(txn);
    txn.commit(f_.next_applied());
    if (seen_.size() < 6 && random_.chance(1, 4)) seen_.push_back({f_.file->snapshot(), f_.model});
  }

  void during(const Trees& before) {
    if (seen_.size() < 6 && random_.chance(1, 4)) seen_.push_back({f_.file->snapshot(), before});
    if (!f_.file->checkpoint_running() && random_.chance(1, 4)) {
      f_.start_checkpoint();
      frozen_ = before;
    }
    f_.world.run_for(std::chrono::microseconds(random_.below(1000)));
  }

  void change(WriteTxn& txn, uint64_t kind) {
    const size_t tree = random_.below(trees_.size());
    Tree& model = f_.model[tree];
    const bool append = kind == 9 && tree == 0;
    const std::string key = append ? str_cat("z/", 1000000 + next_++) : make_key(tree);
    if (!append && random_.chance(kind == 5 ? 7 : 3, 10)) {
      const auto erased = repeat([&] { return txn.erase(trees_[tree], key); }, txn);
      ASSERT_OK(erased);
      ASSERT_EQ(*erased, model.erase(key) > 0);
      return;
    }
    const std::string value = make_value();
    ASSERT_OK(repeat([&] { return txn.put(trees_[tree], key, value); }, txn));
    model[key] = value;
    if (!random_.chance(1, 10)) return;
    const std::string other = make_key(tree);
    std::string got;
    const auto found = repeat([&] { return txn.get(trees_[tree], other, got); }, txn);
    ASSERT_OK(found);
    const auto expected = model.find(other);
    ASSERT_EQ(*found, expected != model.end());
    if (*found) {
      ASSERT_EQ(got, expected->second);
    }
  }

  // As compaction does: walks a range with a cursor of the transaction and erases most of it.
  void erase_range(WriteTxn& txn) {
    const size_t tree = random_.below(trees_.size());
    auto cursor = txn.cursor(trees_[tree]);
    ASSERT_OK(cursor);
    ASSERT_OK(repeat([&] { return cursor->seek(make_key(tree)); }, *cursor));
    const uint64_t count = random_.below(1500);
    for (uint64_t i = 0; i < count && cursor->valid(); ++i) {
      const std::string key(cursor->key());
      if (i % 10 != 0) {
        const auto erased = repeat([&] { return txn.erase(trees_[tree], key); }, txn);
        ASSERT_OK(erased);
        ASSERT_TRUE(*erased);
        ASSERT_EQ(f_.model[tree].erase(key), 1u);
      }
      const auto next = f_.model[tree].upper_bound(key);
      ASSERT_OK(repeat([&] { return cursor->next(); }, *cursor));
      ASSERT_EQ(cursor->valid(), next != f_.model[tree].end());
      if (cursor->valid()) {
        ASSERT_EQ(cursor->key(), next->first);
      }
    }
  }

  void look_at_snapshots() {
    for (size_t i = 0; i < seen_.size(); ++i) {
      const size_t tree = random_.below(trees_.size());
      const Tree& model = seen_[i].model[tree];
      for (int gets = 0; gets < 10; ++gets) {
        const std::string key = make_key(tree);
        std::string value;
        const auto found =
            repeat([&] { return seen_[i].snapshot.get(trees_[tree], key, value, mode_); }, seen_[i].snapshot);
        if (!found.ok() && found.error().code() == ErrorCode::kAborted) return forget(i);  // expired
        ASSERT_OK(found);
        ASSERT_EQ(*found, model.contains(key));
        if (*found) {
          ASSERT_EQ(value, model.find(key)->second);
        }
      }
      scan(seen_[i], tree);
    }
    if (!seen_.empty() && random_.chance(1, 3)) forget(random_.below(seen_.size()));
  }

  void scan(Seen& seen, size_t tree) {
    auto cursor = seen.snapshot.cursor(trees_[tree], mode_);
    ASSERT_OK(cursor);
    const std::string from = make_key(tree);
    const Tree& model = seen.model[tree];
    auto at = model.lower_bound(from);
    ASSERT_OK(repeat([&] { return cursor->seek(from); }, *cursor));
    for (int i = 0; i < 300 && cursor->valid(); ++i) {
      ASSERT_TRUE(at != model.end());
      ASSERT_EQ(cursor->key(), at->first);
      const auto value = repeat([&] { return cursor->value(); }, *cursor);
      ASSERT_OK(value);
      ASSERT_EQ(*value, at->second);
      // Back now and then, and a checkpoint's end in between.
      if (i % 50 == 49) f_.world.run_for(std::chrono::microseconds(random_.below(2000)));
      const bool back = i % 7 == 6 && at != model.begin();
      back ? --at : ++at;
      ASSERT_OK(repeat([&] { return back ? cursor->prev() : cursor->next(); }, *cursor));
    }
    ASSERT_EQ(cursor->valid(), at != model.end());
  }

  void forget(size_t i) { seen_.erase(seen_.begin() + static_cast<ptrdiff_t>(i)); }

  void settle() {
    f_.finish_checkpoint();
    ASSERT_OK(f_.checkpoint_status);
    ASSERT_TRUE(f_.same_as(f_.model));
    ASSERT_TRUE(f_.verified({.walk_predecessor = true, .min_fill_percent = 30}));
  }

  void reopen() {
    f_.finish_checkpoint();
    ASSERT_OK(f_.checkpoint_status);
    if (random_.chance(1, 2)) {
      ASSERT_OK(f_.checkpoint());
      frozen_ = f_.model;
      ASSERT_TRUE(f_.verified({.walk_predecessor = true, .min_fill_percent = 30}));
    }
    const Trees durable = frozen_;
    seen_.clear();
    ASSERT_OK(f_.reopen());
    for (const char* name : {"small", "large", "third"})
      f_.tree(name, name == std::string_view("large") ? 16384 : 8192);
    f_.model = durable;
    f_.model.resize(trees_.size());
    ASSERT_TRUE(f_.same_as(f_.model));
    ASSERT_TRUE(f_.verified({.walk_predecessor = true, .min_fill_percent = 30}));
  }

  Random random_;
  PageFileFixture f_;
  std::vector<TreeId> trees_;
  ReadMode mode_ = ReadMode::kBlocking;
  bool long_objects_ = false;
  std::vector<Seen> seen_;
  Trees frozen_;  // what the newest started checkpoint holds
  uint64_t next_ = 0;
  uint64_t misses_ = 0;
};

class RandomTrees : public ::testing::TestWithParam<uint64_t> {};

TEST_P(RandomTrees, AgreeWithAMap) {
  SCOPED_TRACE(GetParam());
  RandomRun run(GetParam());
  run.run(120);
  RecordProperty("spilled", std::to_string(run.fixture().file->stats().spilled_pages));
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTrees, ::testing::Range<uint64_t>(1, 41));

}  // namespace
}  // namespace revd::btree

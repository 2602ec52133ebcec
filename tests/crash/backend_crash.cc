#include "tests/crash/backend_crash.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/strings.h"
#include "engine/kv_engine.h"
#include "engine/recovery.h"
#include "tests/sim/world.h"

namespace revd::crash {

namespace {

constexpr const char* kDataDir = "/node/data";
constexpr const char* kTrees[] = {"alpha", "beta", "gamma"};

using Content = std::map<std::pair<std::string, std::string>, std::string>;  // {tree, key} -> value

struct OracleOp {
  std::string tree;
  std::string key;
  std::optional<std::string> value;  // nullopt: erased
};

// What was asked for and what was promised, by log index.
struct Oracle {
  std::map<uint64_t, std::vector<OracleOp>> batches;  // appended, by log index
  uint64_t acknowledged = 0;                          // the highest index whose batch was acknowledged
  uint64_t term_promised = 0;                         // reported durable

  Content content_at(uint64_t index) const {
    Content content;
    for (const auto& [at, ops] : batches) {
      if (at > index) break;
      for (const OracleOp& op : ops) {
        if (op.value)
          content[{op.tree, op.key}] = *op.value;
        else
          content.erase({op.tree, op.key});
      }
    }
    return content;
  }
  // After a crash, what wasn't acknowledged and isn't there never happened.
  void forget_after(uint64_t index) { batches.erase(batches.upper_bound(index), batches.end()); }
};

// Choices that stay the same for one seed.
struct Mood {
  BackendConfig config;
  KvOptions kv;
  uint64_t keys = 0;
  uint64_t long_values_in = 0;  // one value in so many is long
  SimCrashOptions crash;
  double slow = 0;  // of the disk's operations
  Duration slow_max{};
};

Mood draw_mood(Random& random) {
  Mood mood;
  mood.config.data_dir = kDataDir;
  mood.config.cache_size_mb = 8;
  mood.config.flush_interval_ms = static_cast<uint32_t>(random.between(10, 60));
  mood.config.compression = random.chance(3, 4);
  mood.config.wal_segment_bytes = random.chance(1, 2) ? 256 << 10 : 512 << 10;
  mood.config.checkpoint_log_bytes = mood.config.wal_segment_bytes;
  mood.config.wal_write_depth = static_cast<uint32_t>(random.between(1, 4));
  mood.config.wal_use_fdatasync = random.chance(1, 4);
  mood.config.grow_bytes_min = 64 << 10;
  mood.config.grow_bytes_max = 1 << 20;
  mood.kv.leaf_page_bytes = random.chance(1, 2) ? 8192 : 16384;
  mood.kv.apply_ahead = random.chance(1, 2);
  mood.keys = random.between(20, 400);
  mood.long_values_in = random.between(5, 60);
  mood.slow = random.chance(1, 2) ? 0.1 : 0;
  mood.slow_max = std::chrono::milliseconds(random.chance(1, 2) ? 20 : 500);
  mood.crash.torn = random.chance(3, 4);
  mood.crash.garbage = random.chance(1, 4);
  return mood;
}

// One life of the engine and the workload on it.
class Run {
 public:
  Run(uint64_t seed, const Mood& mood, std::shared_ptr<SimMedium> medium, Oracle& oracle, CrashReport& report)
      : mood_(mood),
        oracle_(oracle),
        report_(report),
        random_(seed),
        world_(random_.next()),
        process_(world_.add_process("n1", std::move(medium))) {
    process_.disk().faults.slow = mood.slow;
    process_.disk().faults.slow_max = mood.slow_max;
  }

  SimProcess& process() { return process_; }
  SimWorld& world() { return world_; }

  Status open() {
    TRY_ASSIGN(engine_, KvEngine::open(process_.env(), mood_.config, mood_.kv));
    oracle_.term_promised =
        std::max(oracle_.term_promised, engine_->backend().log().hard_state().term.value());
    return {};
  }

  Status step() {
    const uint64_t choice = random_.below(100);
    if (choice < 70) return write_batch();
    if (choice < 80) {
      world_.run_for(std::chrono::microseconds(random_.between(1, 3000)));
      return failure_;
    }
    if (choice < 86) {
      // Applied ahead: the checkpoint then races with two writes of the log, one queued behind the other.
      for (int i = 0; mood_.kv.apply_ahead && i < 3; ++i) TRY(write_batch());
      engine_->backend().checkpoint([this](const Status& status) { note(status); });
      return {};
    }
    if (choice < 92) return raise_term();
    if (choice < 98) {  // waits for everything
      world_.run_until([this] { return in_flight_ == 0; });
      return failure_;
    }
    return reopen_cleanly();
  }

  Status finish() {
    TRY(engine_->close());
    report_.checkpoints += engine_->backend().statistics().checkpoints;
    return failure_;
  }

  KvEngine& engine() { return *engine_; }

 private:
  void note(const Status& status) {
    if (!status.ok() && failure_.ok()) failure_ = status;
  }

  std::string random_key() {
    const uint64_t number = random_.below(mood_.keys);
    std::string key = str_cat("key/", number % 7, "/", number);
    if (number % 37 == 5) key.append(1500, 'k');  // longer than a page keeps inline
    return key;
  }

  std::string random_value() {
    const bool is_long = random_.chance(1, mood_.long_values_in);
    std::string value(is_long ? random_.between(4000, 20'000) : random_.below(200), '\0');
    MutableByteSpan bytes{reinterpret_cast<std::byte*>(value.data()), value.size()};
    if (random_.chance(1, 2))
      random_.fill(bytes);
    else
      std::ranges::fill(value, static_cast<char>('a' + random_.below(26)));
    return value;
  }

  Status write_batch() {
    std::vector<OracleOp> ops;
    WriteBatch batch;
    const uint64_t count = random_.chance(1, 10) ? random_.between(20, 60) : random_.between(1, 6);
    const bool mostly_erase = random_.chance(1, 5);
    size_t bytes = 0;
    for (uint64_t i = 0; i < count && bytes < 40'000; ++i) {
      OracleOp op{
          .tree = kTrees[random_.below(std::size(kTrees))], .key = random_key(), .value = std::nullopt};
      if (!random_.chance(mostly_erase ? 4 : 1, 5)) op.value = random_value();
      bytes += op.key.size() + (op.value ? op.value->size() : 0);
      if (op.value)
        batch.put(op.tree, op.key, *op.value);
      else
        batch.erase(op.tree, op.key);
      ops.push_back(std::move(op));
    }
    const uint64_t index = engine_->backend().log().last_index().value() + 1;
    oracle_.batches[index] = std::move(ops);  // before the write: its first I/O may be the last one
    ++in_flight_;
    const Status queued = engine_->write(batch, [this, index](const Status& status) {
      --in_flight_;
      note(status);
      if (status.ok()) oracle_.acknowledged = std::max(oracle_.acknowledged, index);
    });
    return queued;
  }

  Status raise_term() {
    wal::Wal& log = engine_->backend().log();
    const Term term = std::max(log.hard_state().term, Term(term_asked_)).next();
    term_asked_ = term.value();
    log.save_hard_state(term, NodeId(random_.below(3)), [this, term](const Status& status) {
      note(status);
      if (status.ok()) oracle_.term_promised = std::max(oracle_.term_promised, term.value());
    });
    return {};
  }

  Status reopen_cleanly() {
    TRY(finish());
    engine_.reset();
    ++report_.clean_reopens;
    return open();
  }

  const Mood& mood_;
  Oracle& oracle_;
  CrashReport& report_;
  Random random_;
  SimWorld world_;
  SimProcess& process_;
  std::unique_ptr<KvEngine> engine_;
  uint64_t in_flight_ = 0;
  uint64_t term_asked_ = 0;
  Status failure_;
};

Result<Content> read_all(KvEngine& engine) {
  Content content;
  Snapshot snapshot = engine.snapshot();
  for (const char* tree : kTrees) {
    const auto id = engine.find_tree(tree);
    if (!id) continue;
    TRY_ASSIGN(Cursor cursor, snapshot.cursor(*id));
    TRY(cursor.seek_first());
    uint64_t keys = 0;
    while (cursor.valid()) {
      TRY_ASSIGN(const std::string_view value, cursor.value());
      content[{tree, std::string(cursor.key())}] = value;
      ++keys;
      TRY(cursor.next());
    }
    TRY_ASSIGN(const uint64_t count, snapshot.count(*id));
    if (count != keys)
      return Error(ErrorCode::kInternal, str_cat("tree ", tree, " counts ", count, " keys and has ", keys));
  }
  return content;
}

std::string first_difference(const Content& got, const Content& want) {
  for (const auto& [key, value] : want) {
    const auto found = got.find(key);
    if (found == got.end()) return str_cat("lost ", key.first, "/", escape_bytes(key.second.substr(0, 40)));
    if (found->second != value)
      return str_cat("wrong value of ", key.first, "/", escape_bytes(key.second.substr(0, 40)));
  }
  for (const auto& [key, value] : got)
    if (!want.contains(key))
      return str_cat("undead ", key.first, "/", escape_bytes(key.second.substr(0, 40)));
  return {};
}

// Damages the newest superblock in both copies where its predecessor is there to fall back to; never
// while a superblock is being written, when its copies differ.
bool damage_newest_superblock(SimMedium& medium, Random& random) {
  const std::string path = page_file_path(kDataDir);
  if (!medium.exists(path) || medium.size(path) < btree::superblock_offset(1, 1) + btree::kSuperblockBytes)
    return false;
  const std::string bytes = medium.read(path);
  std::optional<btree::Superblock> copies[2][2];
  for (unsigned generation = 0; generation < 2; ++generation)
    for (size_t copy = 0; copy < 2; ++copy) {
      const auto at = btree::superblock_offset(generation, copy);
      auto decoded = btree::Superblock::decode(as_bytes(bytes).subspan(at, btree::kSuperblockBytes));
      if (decoded.ok()) copies[generation][copy] = std::move(*decoded);
    }
  const auto sequence = [&](unsigned generation) {
    uint64_t newest = 0;
    for (const auto& copy : copies[generation])
      if (copy) newest = std::max(newest, copy->sequence.value());
    return newest;
  };
  const unsigned newest = sequence(0) > sequence(1) ? 0 : 1;
  const auto& pair = copies[newest];
  if (!pair[0] || !pair[1] || pair[0]->sequence != pair[1]->sequence) return false;
  if (sequence(1 - newest) == 0 || sequence(1 - newest) != pair[0]->predecessor.value()) return false;
  for (size_t copy = 0; copy < 2; ++copy)
    medium.flip(path, btree::superblock_offset(newest, copy) + random.below(btree::kSuperblockBytes),
                std::byte{0x10});
  return true;
}

class SeedRunner {
 public:
  SeedRunner(uint64_t seed, const CrashOptions& options) : seed_(seed), options_(options), random_(seed) {}

  CrashReport run() {
    mood_ = draw_mood(random_);
    auto medium = std::make_shared<SimMedium>();
    medium->make_directory("/node");
    Oracle oracle;
    live(std::move(medium), oracle, options_.operations, "");
    return std::move(report_);
  }

 private:
  bool enough() const { return report_.findings.size() >= options_.findings_max; }

  void finding(const std::string& where, const std::string& what) {
    report_.findings.push_back(
        str_cat(what, " [seed ", seed_, where, "; repeat: ./dev crash --seeds ", seed_, "..", seed_, "]"));
  }

  // A life with a workload, the power cut (in a copy of the world) at each of its I/Os.
  void live(std::shared_ptr<SimMedium> medium, Oracle& oracle, uint32_t operations,
            const std::string& where) {
    Run run(random_.next(), mood_, std::move(medium), oracle, report_);
    run.process().disk().on_io([&](const SimIoPoint& point) {
      if (!enough()) cut_power(run.process().medium(), oracle, str_cat(where, ", I/O ", point.number));
    });
    const auto work = [&]() -> Status {
      TRY(run.open());
      for (uint32_t i = 0; i < operations && !enough(); ++i) TRY(run.step());
      return run.finish();
    };
    if (const Status status = work(); !status.ok()) finding(where, status.error().describe());
  }

  void cut_power(const SimMedium& before, const Oracle& oracle, const std::string& where) {
    ++report_.crash_points;
    auto medium = std::make_shared<SimMedium>(before.crash(random_, mood_.crash));
    const bool damaged = random_.chance(1, 4) && damage_newest_superblock(*medium, random_);
    if (damaged) ++report_.damaged_superblocks;
    Oracle after = oracle;
    const std::string place = str_cat(where, damaged ? ", newest superblock damaged" : "");
    std::shared_ptr<SimMedium> left;
    if (const Status status = reopen_and_compare(medium, after); !status.ok())
      return finding(place, status.error().describe());
    // Some lives go on, to be cut once more.
    if (where.find("then") == std::string::npos && random_.chance(1, 150)) {
      ++report_.continued;
      live(medium, after, 12, str_cat(place, ", then"));
    }
  }

  Status reopen_and_compare(const std::shared_ptr<SimMedium>& medium, Oracle& oracle) {
    CrashReport ignored;
    Oracle promised = oracle;
    Run run(random_.next(), mood_, medium, oracle, ignored);
    TRY(run.open());
    Backend& backend = run.engine().backend();
    if (backend.recovery().superblock_fallback) ++report_.fallbacks;
    const uint64_t applied = backend.applied().index.value();
    if (applied < promised.acknowledged)
      return Error(ErrorCode::kInternal, str_cat("entry ", promised.acknowledged,
                                                 " was acknowledged; recovered only up to ", applied));
    const uint64_t term = backend.log().hard_state().term.value();
    if (term <= promised.term_promised)  // opening raises it by one
      return Error(ErrorCode::kInternal,
                   str_cat("term ", promised.term_promised, " was reported durable; found ", term - 1));
    const uint64_t appended = promised.batches.empty() ? 0 : promised.batches.rbegin()->first;
    if (applied > appended)
      return Error(ErrorCode::kInternal, str_cat("entry ", applied, " was never appended"));
    report_.torn_tails += appended > applied ? 1 : 0;
    report_.kept_tails += applied > promised.acknowledged ? 1 : 0;
    TRY_ASSIGN(const Content content, read_all(run.engine()));
    if (const std::string difference = first_difference(content, promised.content_at(applied));
        !difference.empty())
      return Error(ErrorCode::kInternal, str_cat(difference, " at entry ", applied));
    TRY(backend.verify());
    oracle.forget_after(applied);
    oracle.acknowledged = applied;
    // What a kill leaves is where a continued life begins; nothing of this one is under way.
    run.world().run_until([&] { return backend.log().queued_bytes() == 0; });
    return {};
  }

  uint64_t seed_;
  CrashOptions options_;
  Random random_;
  Mood mood_;
  CrashReport report_;
};

}  // namespace

void CrashReport::add(const CrashReport& other) {
  crash_points += other.crash_points;
  damaged_superblocks += other.damaged_superblocks;
  fallbacks += other.fallbacks;
  continued += other.continued;
  clean_reopens += other.clean_reopens;
  checkpoints += other.checkpoints;
  torn_tails += other.torn_tails;
  kept_tails += other.kept_tails;
  findings.insert(findings.end(), other.findings.begin(), other.findings.end());
}

CrashReport run_backend_seed(uint64_t seed, const CrashOptions& options) {
  return SeedRunner(seed, options).run();
}

}  // namespace revd::crash

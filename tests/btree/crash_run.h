// A small random workload on a page file whose power may go at every I/O operation.
//
// One run clones the disk before and after each operation that changes it; then each clone, with a random
// subset of what was pending, is opened, compared with what the superblock it chose must hold, verified, and
// used further. Every clone is also tried with its newest superblock damaged in all copies: then the
// predecessor must serve.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/btree/page_file_fixture.h"

namespace revd::btree {

struct CrashReport {
  uint64_t points = 0;
  uint64_t fallbacks = 0;  // opened with the newest superblock damaged
  uint64_t spilled = 0;
  uint64_t failures = 0;
  std::string first_failure;
};

class CrashRun {
 public:
  explicit CrashRun(uint64_t seed, unsigned clones_per_point = 2)
      : seed_(seed), random_(seed * 977 + 5), clones_per_point_(clones_per_point) {}

  CrashReport run() {
    workload();
    for (const Crash& crash : crashes_) {
      check(crash, false);
      check(crash, true);
      if (report_.failures > 20) break;
    }
    return report_;
  }

 private:
  struct Crash {
    SimMedium medium;
    uint64_t acknowledged =
        0;                 // the newest checkpoint that was reported durable; 0: not even the file's creation
    uint64_t started = 0;  // the newest one that had begun
    uint64_t point = 0;
  };

  void workload() {
    PageFileFixture f(seed_);
    f.process->disk().on_io([&](const SimIoPoint& point) {
      for (unsigned i = 0; i < clones_per_point_; ++i)
        crashes_.push_back({.medium = f.process->medium().crash(random_, {.torn = true, .garbage = true}),
                            .acknowledged = acknowledged_,
                            .started = started_,
                            .point = point.number});
    });
    started_ = 1;
    models_ = {{}, {}};
    f.create();
    acknowledged_ = 1;
    const TreeId a = f.tree("a");
    const TreeId b = f.tree("b", 16384);
    for (int checkpoint = 0; checkpoint < 6; ++checkpoint) {
      change(f, a, b);
      models_.push_back(f.model);
      ++started_;
      f.start_checkpoint();
      if (random_.chance(1, 2)) {
        change(f, a, b);
        f.world.run_for(std::chrono::microseconds(random_.below(500)));
        change(f, a, b);
      }
      f.finish_checkpoint();
      CHECK_MSG(f.checkpoint_status.ok(), f.checkpoint_status.error().describe());
      acknowledged_ = started_;
    }
    report_.spilled = f.file->stats().spilled_pages;
    f.process->disk().on_io({});
  }

  void change(PageFileFixture& f, TreeId a, TreeId b) {
    const uint64_t count = random_.below(40);
    for (uint64_t i = 0; i < count; ++i) {
      const TreeId id = random_.chance(1, 2) ? a : b;
      const std::string key = "key" + std::to_string(random_.below(300));
      if (random_.chance(1, 3))
        f.erase(id, key);
      else
        f.put(id, key, value(random_.chance(1, 8) ? random_.below(60000) : random_.below(400)));
    }
  }
  std::string value(size_t length) {
    std::string out(length, '\0');
    random_.fill(std::as_writable_bytes(std::span(out)));
    return out;
  }

  void check(const Crash& crash, bool damage_newest) {
    const std::string path = PageFileFixture::kPath;
    if (!crash.medium.exists(path)) {
      if (crash.acknowledged > 0) fail(crash, "the file is gone");
      return;
    }
    auto medium = std::make_shared<SimMedium>(crash.medium);
    uint64_t least = std::max<uint64_t>(crash.acknowledged, 1);
    uint64_t most = crash.started;
    if (damage_newest) {
      const uint64_t newest = damage(*medium);
      if (newest < 2) return;
      ++report_.fallbacks;
      least = most = newest - 1;
    }
    ++report_.points;
    SimWorld world(seed_);
    SimProcess& process = world.add_process("n2", medium);
    auto file = PageFile::open(process.env(), path, PageFileFixture::small_options());
    if (!file.ok()) return fail(crash, file.error().describe());
    const uint64_t sequence = (*file)->superblock().sequence.value();
    if (sequence < least || sequence > most) return fail(crash, "superblock " + std::to_string(sequence));
    if (!compare(crash, **file, models_[sequence])) return;
    go_on(crash, world, process, **file, models_[sequence]);
  }

  // Damages all copies of the newest superblock; its sequence.
  static uint64_t damage(SimMedium& medium) {
    const std::string bytes = medium.read(PageFileFixture::kPath);
    uint64_t newest = 0;
    for (int pass = 0; pass < 2; ++pass) {
      for (unsigned generation : {0u, 1u}) {
        for (size_t copy : {0u, 1u}) {
          const uint64_t at = superblock_offset(generation, copy);
          if (at + kSuperblockBytes > bytes.size()) continue;
          const auto found = Superblock::decode(as_bytes(bytes).subspan(at, kSuperblockBytes));
          if (!found.ok()) continue;
          if (pass == 0) newest = std::max(newest, found->sequence.value());
          if (pass == 1 && newest > 1 && found->sequence.value() == newest)
            medium.flip(PageFileFixture::kPath, at + 100, std::byte{1});
        }
      }
    }
    return newest;
  }

  bool compare(const Crash& crash, PageFile& file, const Trees& model) {
    Snapshot snapshot = file.snapshot();
    for (uint32_t id = 1; id <= model.size(); ++id) {
      if (const auto same = PageFileFixture::same(snapshot, TreeId(id), model[id - 1]); !same) {
        fail(crash, std::string("tree ") + std::to_string(id) + ": " + same.message());
        return false;
      }
    }
    if (const auto report = file.verify(); !report.ok()) {
      fail(crash, report.error().describe());
      return false;
    }
    return true;
  }

  // The file stays usable: more changes, a checkpoint, another look.
  void go_on(const Crash& crash, SimWorld& world, SimProcess& process, PageFile& file, Trees model) {
    if (model.empty()) return;
    for (int round = 0; round < 2; ++round) {
      WriteTxn txn = file.begin_write();
      for (int i = 0; i < 20; ++i) {
        const std::string key = "key" + std::to_string(random_.below(300));
        const std::string bytes = value(random_.below(400));
        if (const Status put = txn.put(TreeId(1), key, bytes); !put.ok())
          return fail(crash, put.error().describe());
        model[0][key] = bytes;
      }
      txn.commit({.index = LogIndex(1000), .term = Term(1), .log_time = LogTime(1)});
      bool ended = false;
      Status status;
      file.checkpoint({}, [&](Status s) {
        status = std::move(s);
        ended = true;
      });
      process.executor().run_until([&] { return ended; });
      if (!status.ok()) return fail(crash, status.error().describe());
    }
    world.run_for(std::chrono::milliseconds(1));
    compare(crash, file, model);
  }

  void fail(const Crash& crash, const std::string& what) {
    if (report_.failures++ == 0)
      report_.first_failure =
          "seed " + std::to_string(seed_) + ", I/O point " + std::to_string(crash.point) + ": " + what;
  }

  uint64_t seed_;
  Random random_;
  unsigned clones_per_point_;
  std::vector<Crash> crashes_;
  std::vector<Trees> models_;  // by superblock sequence
  uint64_t acknowledged_ = 0;
  uint64_t started_ = 0;
  CrashReport report_;
};

}  // namespace revd::btree

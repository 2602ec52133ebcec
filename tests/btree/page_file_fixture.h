// PageFileFixture: a page file on a simulated disk, with verbs, and a model of its trees to compare with.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "btree/page_file.h"
#include "tests/sim/world.h"

namespace revd::btree {

using Tree = std::map<std::string, std::string, std::less<>>;
using Trees = std::vector<Tree>;  // by tree id - 1

#define ASSERT_OK(expression)                                                  \
  do {                                                                         \
    const auto& assert_ok_result = (expression);                               \
    ASSERT_TRUE(assert_ok_result.ok()) << assert_ok_result.error().describe(); \
  } while (false)

class PageFileFixture {
 public:
  static constexpr const char* kPath = "/data/pages";

  explicit PageFileFixture(uint64_t seed, const PageFileOptions& wanted = small_options())
      : options(wanted), world(seed), process(&world.add_process("n1")) {
    process->medium().make_directory("/data");
  }
  ~PageFileFixture() { close(); }

  static PageFileOptions small_options() {
    PageFileOptions out;
    out.cache_bytes = kMinCacheBytes;
    out.grow_bytes_min = 256 << 10;
    out.snapshot_age_max = Duration::zero();
    return out;
  }

  void create() {
    auto made = PageFile::create(process->env(), kPath, options);
    CHECK_MSG(made.ok(), made.error().describe());
    file = std::move(made).value();
  }
  Status open(const PageFile::Accept& accept = nullptr) {
    auto opened = PageFile::open(process->env(), kPath, options, accept);
    if (!opened.ok()) return std::move(opened).error();
    file = std::move(opened).value();
    return {};
  }
  void close() {
    snapshots.clear();
    file.reset();
  }
  Status reopen() {
    close();
    return open();
  }

  TreeId tree(const std::string& name, uint32_t leaf_page_bytes = 8192) {
    auto id = file->ensure_tree(name, {.leaf_page_bytes = leaf_page_bytes});
    CHECK_MSG(id.ok(), id.error().describe());
    if (model.size() < id->value()) model.resize(id->value());
    return *id;
  }

  // One entry in a transaction of its own.
  void put(TreeId id, const std::string& key, const std::string& value) {
    WriteTxn txn = file->begin_write();
    const Status status = txn.put(id, key, value);
    CHECK_MSG(status.ok(), status.error().describe());
    txn.commit(next_applied());
    model[id.value() - 1][key] = value;
  }
  void erase(TreeId id, const std::string& key) {
    WriteTxn txn = file->begin_write();
    const auto erased = txn.erase(id, key);
    CHECK_MSG(erased.ok(), erased.error().describe());
    txn.commit(next_applied());
    CHECK(*erased == (model[id.value() - 1].erase(key) > 0));
  }
  AppliedPosition next_applied() {
    ++applied;
    return {
        .index = LogIndex(applied), .term = Term(1), .log_time = LogTime(static_cast<int64_t>(applied) * 10)};
  }

  void start_checkpoint() {
    checkpoint_status = Status();
    checkpoint_ended = false;
    CheckpointInfo info;
    info.commit = file->applied().index;
    file->checkpoint(info, [this](Status status) {
      checkpoint_status = std::move(status);
      checkpoint_ended = true;
    });
  }
  Status checkpoint() {
    start_checkpoint();
    process->executor().run_until([this] { return checkpoint_ended; });
    CHECK(checkpoint_ended);
    return checkpoint_status;
  }
  void finish_checkpoint() {
    if (file->checkpoint_running()) process->executor().run_until([this] { return checkpoint_ended; });
  }

  // What a snapshot shows of one tree, both ways.
  static ::testing::AssertionResult same(Snapshot& snapshot, TreeId id, const Tree& expected) {
    const auto count = snapshot.count(id);
    if (!count.ok()) return ::testing::AssertionFailure() << count.error().describe();
    if (*count != expected.size())
      return ::testing::AssertionFailure() << *count << " keys, not " << expected.size();
    auto cursor = snapshot.cursor(id);
    if (!cursor.ok()) return ::testing::AssertionFailure() << cursor.error().describe();
    auto at = expected.begin();
    Status status = cursor->seek_first();
    for (; status.ok() && cursor->valid(); status = cursor->next(), ++at) {
      if (at == expected.end()) return ::testing::AssertionFailure() << "more keys than expected";
      const auto value = cursor->value();
      if (!value.ok()) return ::testing::AssertionFailure() << value.error().describe();
      if (cursor->key() != at->first) return ::testing::AssertionFailure() << "another key";
      if (*value != at->second || cursor->value_bytes() != at->second.size())
        return ::testing::AssertionFailure() << "another value of key " << at->first.substr(0, 40);
    }
    if (!status.ok()) return ::testing::AssertionFailure() << status.error().describe();
    if (at != expected.end())
      return ::testing::AssertionFailure() << "keys missing from " << at->first.substr(0, 40);
    status = cursor->seek_last();
    auto back = expected.rbegin();
    for (; status.ok() && cursor->valid(); status = cursor->prev(), ++back)
      if (back == expected.rend() || cursor->key() != back->first)
        return ::testing::AssertionFailure() << "another key on the way back";
    if (!status.ok()) return ::testing::AssertionFailure() << status.error().describe();
    if (back != expected.rend()) return ::testing::AssertionFailure() << "keys missing on the way back";
    return ::testing::AssertionSuccess();
  }
  ::testing::AssertionResult same_as(const Trees& expected) {
    Snapshot now = file->snapshot();
    for (uint32_t id = 1; id <= expected.size(); ++id)
      if (auto result = same(now, TreeId(id), expected[id - 1]); !result) return result << " in tree " << id;
    return ::testing::AssertionSuccess();
  }
  ::testing::AssertionResult verified(const VerifyOptions& verify_options = {}) {
    const auto report = file->verify(verify_options);
    if (!report.ok()) return ::testing::AssertionFailure() << report.error().describe();
    return ::testing::AssertionSuccess();
  }

  PageFileOptions options;
  SimWorld world;
  SimProcess* process;
  std::unique_ptr<PageFile> file;
  std::vector<Snapshot> snapshots;
  Trees model;
  uint64_t applied = 0;
  Status checkpoint_status;
  bool checkpoint_ended = true;
};

}  // namespace revd::btree

// TestLog: a log under test with verbs that block, on whatever Env it is given.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/strings.h"
#include "wal/wal.h"

namespace revd::wal {

inline LogIdentity test_identity() {
  LogIdentity identity;
  for (size_t i = 0; i < identity.log.bytes.size(); ++i)
    identity.log.bytes[i] = static_cast<std::byte>(i + 1);
  identity.cluster = ClusterId(77);
  identity.node = NodeId(3);
  return identity;
}

// `length` bytes that depend on index and term.
inline std::string test_payload(LogIndex index, Term term, size_t length) {
  std::string payload(length, '\0');
  Random random(index.value() * 1'000'003 + term.value());
  random.fill({reinterpret_cast<std::byte*>(payload.data()), payload.size()});
  return payload;
}

// An entry with memory of its own.
struct OwnedEntry {
  EntryType type = EntryType::kCommand;
  Term term;
  LogIndex index;
  LogTime time;
  std::string payload;
  friend bool operator==(const OwnedEntry&, const OwnedEntry&) = default;

  Entry view() const {
    return {.type = type, .term = term, .index = index, .time = time, .payload = as_bytes(payload)};
  }
  static OwnedEntry copy(const Entry& entry) {
    return {.type = entry.type,
            .term = entry.term,
            .index = entry.index,
            .time = entry.time,
            .payload = std::string(as_view(entry.payload))};
  }
};

inline OwnedEntry test_entry(uint64_t index, uint64_t term, size_t length) {
  return {.type = EntryType::kCommand,
          .term = Term(term),
          .index = LogIndex(index),
          .time = LogTime(static_cast<int64_t>(index) * 10),
          .payload = test_payload(LogIndex(index), Term(term), length)};
}

class TestLog {
 public:
  TestLog(Env env, const std::string& parent) : env_(env) {
    options.directory = str_cat(parent, "/wal");
    options.create = test_identity();
    options.segment_bytes = 64 << 10;
    options.max_batch_bytes = 16 << 10;
    options.max_queued_bytes = 1 << 20;
    options.seal_delay = std::chrono::hours(1);  // tests seal when they want to
  }

  WalOptions options;
  size_t payload_bytes = 100;

  ~TestLog() { close(); }
  TestLog(const TestLog&) = delete;
  TestLog& operator=(const TestLog&) = delete;

  Status try_open() {
    close();
    TRY_ASSIGN(wal_, Wal::open(env_, options));
    return {};
  }
  void open() {
    const Status opened = try_open();
    ASSERT_TRUE(opened.ok()) << opened.error().describe();
  }
  // Waits until nothing is under way; after a power cut nothing is.
  void close() {
    if (!wal_) return;
    bool closed = false;
    Wal::close(std::move(wal_), [&] { closed = true; });
    static_cast<void>(run_until([&] { return closed; }));
  }
  // Just lets it go.
  void drop() { wal_.reset(); }
  Wal& wal() { return *wal_; }
  Wal* operator->() { return wal_.get(); }
  Env& env() { return env_; }
  [[nodiscard]] bool run_until(const std::function<bool()>& done) { return env_.executor.run_until(done); }

  // Queues `count` entries of `term` in one call.
  Result<AppendToken> queue(size_t count, uint64_t term, AppendDone done = [](const auto&) {}) {
    std::vector<OwnedEntry> entries;
    std::vector<Entry> views;
    for (size_t i = 0; i < count; ++i)
      entries.push_back(test_entry(wal_->last_index().value() + 1 + i, term, payload_bytes));
    for (const OwnedEntry& entry : entries) views.push_back(entry.view());
    return wal_->append(views, std::move(done));
  }
  // Appends `count` entries, each in a batch of its own, and waits for each.
  void append(size_t count, uint64_t term = 1) {
    for (size_t i = 0; i < count; ++i) ASSERT_TRUE(append_together(1, term).ok());
  }
  Status append_together(size_t count, uint64_t term = 1) {
    return blocking([&](AppendDone done) { return queue(count, term, std::move(done)); });
  }
  Status cut_tail(uint64_t after) {
    return blocking([&](AppendDone done) { return wal_->cut_tail(LogIndex(after), std::move(done)); });
  }
  Status checkpoint(const CheckpointRecord& record) {
    return blocking([&](AppendDone done) { return wal_->append_checkpoint(record, std::move(done)); });
  }
  Status snapshot(const SnapshotSwitch& record) {
    return blocking([&](AppendDone done) { return wal_->append_snapshot_switch(record, std::move(done)); });
  }
  Status flush() {
    return blocking_status([&](StatusDone done) { wal_->flush(std::move(done)); });
  }
  Status save_hard_state(uint64_t term, uint64_t vote) {
    return blocking_status(
        [&](StatusDone done) { wal_->save_hard_state(Term(term), NodeId(vote), std::move(done)); });
  }
  Result<std::vector<OwnedEntry>> read(uint64_t first, uint64_t last, size_t max_bytes = 1 << 20) {
    std::optional<Result<std::vector<OwnedEntry>>> result;
    wal_->read(LogIndex(first), LogIndex(last), max_bytes, [&](const Result<EntryChunk>& chunk) {
      if (!chunk.ok()) {
        result = chunk.error();
        return;
      }
      std::vector<OwnedEntry> entries;
      for (const Entry& entry : chunk->entries) entries.push_back(OwnedEntry::copy(entry));
      result = std::move(entries);
    });
    if (!run_until([&] { return result.has_value(); }))
      return Error(ErrorCode::kCancelled, "nothing left to do");
    return std::move(*result);
  }
  // Everything from first_index() to durable_index().
  Result<std::vector<OwnedEntry>> entries() {
    std::vector<OwnedEntry> all;
    TRY(wal_->for_each(wal_->first_index(), wal_->durable_index(), [&](const Entry& entry) {
      all.push_back(OwnedEntry::copy(entry));
      return Status();
    }));
    return all;
  }
  // The log holds exactly [first, last], with the payloads that test_entry makes; `term_of` gives terms.
  void expect_entries(
      uint64_t first, uint64_t last,
      const std::function<uint64_t(uint64_t)>& term_of = [](uint64_t) { return 1; }) {
    EXPECT_EQ(wal_->first_index(), LogIndex(first));
    EXPECT_EQ(wal_->last_index(), LogIndex(last));
    EXPECT_EQ(wal_->durable_index(), LogIndex(last));
    const Result<std::vector<OwnedEntry>> found = entries();
    ASSERT_TRUE(found.ok()) << found.error().describe();
    ASSERT_EQ(found->size(), last + 1 - first);
    for (const OwnedEntry& entry : *found) {
      const uint64_t index = first + static_cast<uint64_t>(&entry - found->data());
      EXPECT_EQ(entry, test_entry(index, term_of(index), entry.payload.size()));
      EXPECT_EQ(wal_->term_at(LogIndex(index)), Term(term_of(index)));
    }
  }

  // ---- The files at rest, through the disk itself. ----
  std::string path(std::string_view name) const { return str_cat(options.directory, "/", name); }
  std::string read_file(const std::string& name, uint64_t offset, size_t length) {
    return with_block(name, offset, length, [](MutableByteSpan) { return false; });
  }
  void flip(const std::string& name, uint64_t offset, uint8_t mask = 0xff) {
    with_block(name, offset, 1, [mask](MutableByteSpan bytes) {
      bytes[0] ^= std::byte{mask};
      return true;
    });
  }
  void overwrite(const std::string& name, uint64_t offset, std::string_view content) {
    with_block(name, offset, content.size(), [content](MutableByteSpan bytes) {
      std::ranges::copy(as_bytes(content), bytes.begin());
      return true;
    });
  }
  std::vector<std::string> files() { return list_directory(env_.disk, options.directory).value(); }

 private:
  template <typename Start>
  Status blocking(Start start) {
    std::optional<Result<AppendToken>> result;
    TRY(start([&](const Result<AppendToken>& token) { result = token; }));
    if (!run_until([&] { return result.has_value(); }))
      return Error(ErrorCode::kCancelled, "nothing left to do");
    TRY(std::move(*result));
    return {};
  }
  template <typename Start>
  Status blocking_status(Start start) {
    std::optional<Status> result;
    start([&](const Status& status) { result = status; });
    if (!run_until([&] { return result.has_value(); }))
      return Error(ErrorCode::kCancelled, "nothing left to do");
    return *result;
  }
  // Reads the blocks around [offset, offset + length), lets `change` at those bytes, writes the
  // blocks back if it says so, and returns the bytes.
  template <typename Change>
  std::string with_block(const std::string& name, uint64_t offset, size_t length, Change change) {
    const OpenedFile opened = open_file(env_.disk, path(name), {}).value();
    const uint64_t begin = round_down(offset, kIoAlignment);
    AlignedBuffer block(static_cast<size_t>(round_up(offset + length, kIoAlignment) - begin));
    read_exactly(env_.disk, opened.file, begin, block.span()).value();
    const MutableByteSpan bytes = block.span().subspan(static_cast<size_t>(offset - begin), length);
    if (change(bytes)) {
      write_fully(env_.disk, opened.file, begin, block.span(), false).value();
      sync_file(env_.disk, opened.file).value();
    }
    close_file(env_.disk, opened.file).value();
    return std::string(as_view(bytes));
  }

  Env env_;
  std::unique_ptr<Wal> wal_;
};

}  // namespace revd::wal

#include "engine/backup.h"

#include <algorithm>

#include "tests/engine/engine_fixture.h"

namespace revd {
namespace {

class BackupTest : public EngineTest {
 protected:
  void fill(int keys) {
    ASSERT_TRUE(open().ok());
    for (int i = 0; i < keys; ++i) {
      WriteBatch batch;
      batch.put("a", "key" + std::to_string(i), std::string(static_cast<size_t>(i % 300), 'x'));
      batch.put("b", "key" + std::to_string(i % 10), "v" + std::to_string(i));
      if (i % 50 == 7) batch.put("a", "long" + std::to_string(i), std::string(30'000, 'y'));
      ASSERT_TRUE(write(batch).ok());
    }
  }

  std::string back_up() {
    BackupSource source(process_.env(), engine_->backend());
    std::string stream;
    std::string frame;
    while (true) {
      auto more = source.next(frame);
      if (!more.ok()) {
        ADD_FAILURE() << more.error().describe();
        break;
      }
      if (!*more) break;
      frames_.push_back(stream.size());
      stream += frame;
    }
    return stream;
  }

  static BackupBytes from(const std::string& stream, size_t& at) {
    return [&stream, &at](size_t count, std::string& bytes) -> Status {
      if (stream.size() - at < count) return Error(ErrorCode::kDataLoss, "the stream ends");
      bytes = stream.substr(at, count);
      at += count;
      return {};
    };
  }

  Result<BackupTotals> restore(const std::string& stream) {
    size_t at = 0;
    BackendConfig into = config_;
    into.data_dir = "/node/restored";
    return restore_backup(process_.env(), into, {}, from(stream, at));
  }

  Result<BackupInfo> check(const std::string& stream) {
    size_t at = 0;
    BackupTotals totals;
    return check_backup(from(stream, at), totals);
  }

  std::vector<size_t> frames_;  // where each begins
};

TEST_F(BackupTest, RestoresToTheSameContentInANewLog) {
  fill(400);
  const std::string stream = back_up();
  const AppliedPosition applied = engine_->backend().applied();
  const Uuid old_log = engine_->backend().log().identity().log;
  write("a", "after", "the backup");
  engine_.reset();

  const auto totals = restore(stream);
  ASSERT_TRUE(totals.ok()) << totals.error().describe();
  config_.data_dir = "/node/restored";
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(engine_->backend().applied(), applied);
  EXPECT_NE(engine_->backend().log().identity().log, old_log);
  EXPECT_EQ(get("a", "key299"), std::string(299, 'x'));
  EXPECT_EQ(get("a", "long7"), std::string(30'000, 'y'));
  EXPECT_EQ(get("b", "key3"), "v393");
  EXPECT_EQ(get("a", "after"), "(none)");
  const auto report = engine_->backend().verify();
  EXPECT_TRUE(report.ok()) << report.error().describe();
  // It goes on as any other directory does.
  write("a", "new", "entry");
  kill_and_restart();
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(get("a", "new"), "entry");
}

TEST_F(BackupTest, WritesGoOnMeanwhileAndAreNotInIt) {
  fill(50);
  BackupSource source(process_.env(), engine_->backend());
  std::string stream;
  std::string frame;
  ASSERT_TRUE(*source.next(frame));
  stream += frame;
  for (int i = 0; i < 50; ++i) write("a", "key" + std::to_string(i), "changed");
  while (*source.next(frame)) stream += frame;
  size_t at = 0;
  bool seen_change = false;
  BackupReader reader(
      {.on_header = nullptr, .on_entry = [&](size_t, std::string_view, std::string_view value) -> Status {
         seen_change = seen_change || value == "changed";
         return {};
       }});
  while (!reader.complete()) {
    const size_t body = *BackupReader::body_bytes(as_bytes(stream).subspan(at, kBackupFrameHeadBytes));
    ASSERT_TRUE(reader.feed(as_bytes(stream).subspan(at, kBackupFrameHeadBytes + body)).ok());
    at += kBackupFrameHeadBytes + body;
  }
  EXPECT_EQ(at, stream.size());
  EXPECT_FALSE(seen_change);
}

TEST_F(BackupTest, EveryFlippedByteAndEveryCutIsFound) {
  fill(60);
  const std::string stream = back_up();
  ASSERT_TRUE(check(stream).ok());
  for (size_t i = 0; i < stream.size(); i += stream.size() > 20'000 ? 7 : 1) {
    std::string bad = stream;
    bad[i] = static_cast<char>(bad[i] ^ 0x20);
    const auto checked = check(bad);
    ASSERT_FALSE(checked.ok()) << "byte " << i;
    ASSERT_EQ(checked.error().code(), ErrorCode::kDataLoss) << "byte " << i;
    ASSERT_FALSE(check(stream.substr(0, i)).ok()) << "cut at " << i;
  }
}

TEST_F(BackupTest, FramesLeftOutOrSwappedAreFound) {
  fill(400);
  // Enough for several frames of entries.
  for (int i = 0; i < 120; ++i)
    write("c", "big" + std::to_string(i), std::string(30'000, static_cast<char>('a' + i % 26)));
  const std::string stream = back_up();
  ASSERT_GE(frames_.size(), 5U);
  std::string without = stream;
  without.erase(frames_[2], frames_[3] - frames_[2]);
  EXPECT_FALSE(check(without).ok());
  const std::string second = stream.substr(frames_[1], frames_[2] - frames_[1]);
  const std::string third = stream.substr(frames_[2], frames_[3] - frames_[2]);
  EXPECT_FALSE(check(stream.substr(0, frames_[1]) + third + second + stream.substr(frames_[3])).ok());
}

TEST_F(BackupTest, RestoreRefusesADirectoryWithSomethingInIt) {
  fill(3);
  const std::string stream = back_up();
  medium_->make_directory("/node/restored");
  medium_->overwrite("/node/restored/notes.txt", 0, as_bytes("mine"));
  const auto totals = restore(stream);
  ASSERT_FALSE(totals.ok());
  EXPECT_EQ(totals.error().code(), ErrorCode::kAlreadyExists);
}

TEST_F(BackupTest, ARestoreCutShortIsRefusedAtOpening) {
  fill(50);
  const std::string stream = back_up();
  engine_.reset();
  ASSERT_FALSE(restore(stream.substr(0, stream.size() - 1)).ok());
  config_.data_dir = "/node/restored";
  const Status status = open();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace revd

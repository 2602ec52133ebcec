#include "engine/kv_engine.h"

#include "tests/engine/engine_fixture.h"

namespace revd {
namespace {

class KvEngineTest : public EngineTest {};

TEST_F(KvEngineTest, ReopensWithWhatWasWritten) {
  ASSERT_TRUE(open().ok());
  EXPECT_TRUE(engine_->backend().recovery().created);
  write("a", "k1", "v1");
  write("b", "k1", "other");
  ASSERT_TRUE(checkpoint().ok());
  write("a", "k2", "v2");
  kill_and_restart();
  ASSERT_TRUE(open().ok());
  EXPECT_FALSE(engine_->backend().recovery().created);
  EXPECT_EQ(engine_->backend().recovery().checkpoint.index, LogIndex(2));
  EXPECT_EQ(engine_->backend().recovery().entries_to_replay, 1U);
  EXPECT_EQ(get("a", "k1"), "v1");
  EXPECT_EQ(get("a", "k2"), "v2");
  EXPECT_EQ(get("b", "k1"), "other");
  EXPECT_EQ(get("b", "k2"), "(none)");
  EXPECT_EQ(get("c", "k1"), "(none)");
}

TEST_F(KvEngineTest, ABatchIsOneEntry) {
  ASSERT_TRUE(open().ok());
  const LogIndex before = engine_->backend().applied().index;
  WriteBatch batch;
  for (int i = 0; i < 100; ++i) batch.put("t", "k" + std::to_string(i), "v");
  batch.erase("t", "k50");
  ASSERT_TRUE(write(batch).ok());
  EXPECT_EQ(engine_->backend().applied().index, before.next());
  EXPECT_EQ(get("t", "k49"), "v");
  EXPECT_EQ(get("t", "k50"), "(none)");
}

TEST_F(KvEngineTest, RefusesWhatItCannotKeep) {
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(write(WriteBatch()).error().code(), ErrorCode::kInvalidArgument);
  WriteBatch empty_key;
  empty_key.put("t", "", "v");
  EXPECT_EQ(write(empty_key).error().code(), ErrorCode::kInvalidArgument);
  WriteBatch huge;
  huge.put("t", "k", std::string(1 << 20, 'x'));
  EXPECT_EQ(write(huge).error().code(), ErrorCode::kInvalidArgument);
  write("t", "k", "v");
  EXPECT_EQ(get("t", "k"), "v");
}

TEST_F(KvEngineTest, AFailingLogWriteStopsIt) {
  ASSERT_TRUE(open().ok());
  write("t", "k", "v1");
  process_.disk().faults.durable_write_error = 1;
  WriteBatch batch;
  batch.put("t", "k", "v2");
  EXPECT_EQ(write(batch).error().code(), ErrorCode::kIo);
  process_.disk().faults.durable_write_error = 0;
  EXPECT_FALSE(write(batch).ok());
  EXPECT_FALSE(engine_->backend().failed().ok());
  EXPECT_EQ(get("t", "k"), "v1");
}

TEST_F(KvEngineTest, EachStartRaisesTheTerm) {
  ASSERT_TRUE(open().ok());
  const Term first = engine_->backend().log().hard_state().term;
  kill_and_restart();
  ASSERT_TRUE(open().ok());
  EXPECT_GT(engine_->backend().log().hard_state().term, first);
}

TEST_F(KvEngineTest, ClosedCleanlyNothingIsReplayed) {
  ASSERT_TRUE(open().ok());
  write("t", "k", "v");
  ASSERT_TRUE(engine_->close().ok());
  engine_.reset();
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(engine_->backend().recovery().entries_to_replay, 0U);
  EXPECT_EQ(get("t", "k"), "v");
}

}  // namespace
}  // namespace revd

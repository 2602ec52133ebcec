// Appending, cutting, reading and reopening, on each disk.
#include "tests/wal/disks.h"

namespace revd::wal {
namespace {

class WalAppend : public WalOnDisk {};
INSTANTIATE_TEST_SUITE_P(Disks, WalAppend, ::testing::ValuesIn(all_disks()), contract_name);

TEST_P(WalAppend, ANewLogIsEmpty) {
  log().open();
  EXPECT_EQ(log()->first_index(), LogIndex(1));
  EXPECT_EQ(log()->last_index(), LogIndex(0));
  EXPECT_EQ(log()->last_term(), Term(0));
  EXPECT_EQ(log()->current_segment(), 1U);
  EXPECT_EQ(log()->identity(), test_identity());
  EXPECT_FALSE(log()->failed());
}

TEST_P(WalAppend, ANewLogGoesOnAfterItsBase) {
  log().options.base = {.index = LogIndex(100), .term = Term(7)};
  log().open();
  EXPECT_EQ(log()->first_index(), LogIndex(101));
  EXPECT_EQ(log()->term_at(LogIndex(100)), Term(7));
  log().append(3, 7);
  log().open();
  log().expect_entries(101, 103, [](uint64_t) { return 7; });
  EXPECT_EQ(log()->term_at(LogIndex(100)), Term(7));
}

TEST_P(WalAppend, WithoutCreateAMissingLogIsNotFound) {
  log().options.create.reset();
  EXPECT_EQ(log().try_open().error().code(), ErrorCode::kNotFound);
}

TEST_P(WalAppend, AnotherLogIsRefused) {
  log().open();
  log().options.expected_log = Uuid{};
  EXPECT_EQ(log().try_open().error().code(), ErrorCode::kFailedPrecondition);
  log().options.expected_log = test_identity().log;
  log().open();
}

TEST_P(WalAppend, EntriesAreThereAfterReopening) {
  log().open();
  log().append(10);
  log().expect_entries(1, 10);
  log().open();
  log().expect_entries(1, 10);
  log().append(5, 2);
  log().open();
  log().expect_entries(1, 15, [](uint64_t index) { return index <= 10 ? 1 : 2; });
}

TEST_P(WalAppend, EveryKindOfEntryKeepsItsFields) {
  log().open();
  std::vector<OwnedEntry> entries;
  for (uint64_t i = 1; i <= 4; ++i) {
    entries.push_back(test_entry(i, i, i == 1 ? 0 : 1000 * i));
    entries.back().type = EntryType{static_cast<uint8_t>(i)};
  }
  entries[2].time = LogTime(-5);
  std::vector<Entry> views;
  for (const OwnedEntry& entry : entries) views.push_back(entry.view());
  bool done = false;
  ASSERT_TRUE(log()->append(views, [&](const auto& token) { done = token.ok(); }).ok());
  ASSERT_TRUE(log().run_until([&] { return done; }));
  EXPECT_EQ(log().entries().value(), entries);
  log().open();
  EXPECT_EQ(log().entries().value(), entries);
}

TEST_P(WalAppend, WhatIsQueuedTogetherIsOneBatch) {
  log().open();
  const uint64_t before = log()->statistics().batches;
  size_t called = 0;
  for (size_t i = 0; i < 50; ++i)
    ASSERT_TRUE(log()
                    .queue(1, 1,
                           [&, i](const Result<AppendToken>& token) {
                             EXPECT_EQ(called++, i);
                             EXPECT_EQ(token.value().last_index, LogIndex(i + 1));
                           })
                    .ok());
  EXPECT_EQ(called, 0U);
  EXPECT_GT(log()->queued_bytes(), 5000U);
  ASSERT_TRUE(log().run_until([&] { return called == 50; }));
  EXPECT_EQ(log()->statistics().batches, before + 1);
  EXPECT_EQ(log()->queued_bytes(), 0U);
}

TEST_P(WalAppend, CallbacksComeInOrderAtEveryDepth) {
  for (uint32_t depth = 1; depth <= 4; ++depth) {
    log().options.write_depth = depth;
    log().options.use_fdatasync = depth % 2 == 0;
    log().open();
    log().payload_bytes = 3000;
    const uint64_t first = log()->last_index().value() + 1;
    uint64_t called = 0;
    for (uint64_t i = 0; i < 200; ++i)
      ASSERT_TRUE(log()
                      .queue(1, 1,
                             [&, i](const Result<AppendToken>& token) {
                               ASSERT_TRUE(token.ok());
                               EXPECT_EQ(called++, i);
                               EXPECT_EQ(token->last_index, LogIndex(first + i));
                               EXPECT_GE(log()->durable_index(), token->last_index);
                             })
                      .ok());
    ASSERT_TRUE(log().run_until([&] { return called == 200; }));
  }
  log().open();
  log().expect_entries(1, 800);
  EXPECT_GT(log()->current_segment(), 8U);
}

TEST_P(WalAppend, ACallbackMayAppend) {
  log().open();
  size_t done = 0;
  std::function<void()> next = [&] {
    ASSERT_TRUE(log()
                    .queue(1, 1,
                           [&](const Result<AppendToken>& token) {
                             ASSERT_TRUE(token.ok());
                             if (++done < 20) next();
                           })
                    .ok());
  };
  next();
  ASSERT_TRUE(log().run_until([&] { return done == 20; }));
  log().open();
  log().expect_entries(1, 20);
}

TEST_P(WalAppend, WrongEntriesAreRefusedAndChangeNothing) {
  log().open();
  log().append(3, 5);
  const auto refused = [&](const OwnedEntry& entry) {
    const Entry view = entry.view();
    const auto result = log()->append({&view, 1}, [](const auto&) { FAIL() << "called back"; });
    return !result.ok() && result.error().code() == ErrorCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused(test_entry(3, 5, 1)));
  EXPECT_TRUE(refused(test_entry(5, 5, 1)));
  EXPECT_TRUE(refused(test_entry(4, 4, 1)));
  EXPECT_TRUE(refused(test_entry(4, 5, log()->max_entry_payload() + 1)));
  EXPECT_EQ(log()->append({}, [](const auto&) {}).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(log()->last_index(), LogIndex(3));
  EXPECT_EQ(log()->queued_bytes(), 0U);
}

TEST_P(WalAppend, TheLargestEntryFits) {
  log().open();
  log().payload_bytes = log()->max_entry_payload();
  log().append(9, 1);
  log().open();
  log().expect_entries(1, 9);
}

TEST_P(WalAppend, AFullQueueRefuses) {
  log().open();
  log().payload_bytes = 10'000;
  size_t queued = 0;
  size_t done = 0;
  for (;; ++queued) {
    const auto token = log().queue(1, 1, [&](const auto&) { ++done; });
    if (token.ok()) continue;
    EXPECT_EQ(token.error().code(), ErrorCode::kResourceExhausted);
    break;
  }
  EXPECT_LE(log()->queued_bytes(), log().options.max_queued_bytes);
  EXPECT_GE(queued, 100U);
  ASSERT_TRUE(log().run_until([&] { return done == queued; }));
  log().append(1);
}

TEST_P(WalAppend, ACutTailIsGoneAndReplaced) {
  log().open();
  log().append(10);
  const uint64_t epoch = log()->epoch();
  ASSERT_TRUE(log().cut_tail(6).ok());
  EXPECT_GT(log()->epoch(), epoch);
  log().expect_entries(1, 6);
  EXPECT_EQ(log().read(7, 7).error().code(), ErrorCode::kOutOfRange);
  log().append(3, 2);
  const auto term_of = [](uint64_t index) { return index <= 6 ? 1 : 2; };
  log().expect_entries(1, 9, term_of);
  log().open();
  log().expect_entries(1, 9, term_of);
}

TEST_P(WalAppend, ACutIsSeenAtOnceAndOldTokensTellTheirEpoch) {
  log().options.write_depth = 3;
  log().open();
  log().append(4);
  std::vector<AppendToken> tokens;
  const auto keep = [&](const Result<AppendToken>& token) { tokens.push_back(token.value()); };
  ASSERT_TRUE(log().queue(4, 1, keep).ok());
  ASSERT_TRUE(log()->cut_tail(LogIndex(5), keep).ok());
  EXPECT_EQ(log()->last_index(), LogIndex(5));
  EXPECT_EQ(log()->term_at(LogIndex(6)), std::nullopt);
  ASSERT_TRUE(log().queue(1, 2, keep).ok());
  ASSERT_TRUE(log().run_until([&] {
    EXPECT_LE(log()->durable_index(), log()->last_index());
    return tokens.size() == 3;
  }));
  EXPECT_EQ(tokens[0], (AppendToken{.term = Term(1), .epoch = 1, .last_index = LogIndex(8)}));
  EXPECT_EQ(tokens[1], (AppendToken{.term = Term(1), .epoch = 2, .last_index = LogIndex(5)}));
  EXPECT_EQ(tokens[2], (AppendToken{.term = Term(2), .epoch = 2, .last_index = LogIndex(6)}));
  const auto term_of = [](uint64_t index) { return index <= 5 ? 1 : 2; };
  log().expect_entries(1, 6, term_of);
  log().open();
  log().expect_entries(1, 6, term_of);
}

TEST_P(WalAppend, CutsOutsideTheLogAreRefused) {
  log().open();
  log().append(5);
  EXPECT_EQ(log().cut_tail(5).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(log().cut_tail(9).error().code(), ErrorCode::kInvalidArgument);
  log()->set_floor(LogIndex(4));
  EXPECT_EQ(log().cut_tail(2).error().code(), ErrorCode::kInvalidArgument);
  ASSERT_TRUE(log().cut_tail(3).ok());
  log().expect_entries(1, 3);
}

TEST_P(WalAppend, CuttingEverythingLeavesAnEmptyLog) {
  log().open();
  log().append(5);
  ASSERT_TRUE(log().cut_tail(0).ok());
  EXPECT_EQ(log()->last_index(), LogIndex(0));
  log().open();
  EXPECT_EQ(log()->last_index(), LogIndex(0));
  log().append(2, 3);
  log().expect_entries(1, 2, [](uint64_t) { return 3; });
}

TEST_P(WalAppend, ReadsByIndexWithinTheirLimit) {
  log().open();
  log().payload_bytes = 1000;
  ASSERT_TRUE(log().append_together(10).ok());
  log().append(90);
  EXPECT_EQ(log().read(1, 100).value().size(), 100U);
  EXPECT_EQ(log().read(42, 42).value(), std::vector<OwnedEntry>{test_entry(42, 1, 1000)});
  EXPECT_EQ(log().read(5, 1000).value().front().index, LogIndex(5));
  EXPECT_EQ(log().read(3, 100, 0).value().size(), 1U);
  EXPECT_EQ(log().read(3, 100, 2999).value().size(), 2U);
  EXPECT_EQ(log().read(3, 100, 3000).value().size(), 3U);
  EXPECT_EQ(log().read(0, 5).error().code(), ErrorCode::kOutOfRange);
  EXPECT_EQ(log().read(101, 105).error().code(), ErrorCode::kOutOfRange);
  EXPECT_EQ(log().read(6, 5).error().code(), ErrorCode::kOutOfRange);
}

TEST_P(WalAppend, AReadDuringACutIsAborted) {
  log().open();
  log().append(20);
  std::optional<ErrorCode> code;
  log()->read(LogIndex(1), LogIndex(20), 1 << 20,
              [&](const Result<EntryChunk>& chunk) { code = chunk.error().code(); });
  ASSERT_TRUE(log()->cut_tail(LogIndex(3), [](const auto&) {}).ok());
  ASSERT_TRUE(log().run_until([&] { return code.has_value(); }));
  EXPECT_EQ(*code, ErrorCode::kAborted);
}

TEST_P(WalAppend, ASealFollowsSilence) {
  log().options.seal_delay = std::chrono::milliseconds(5);
  log().open();
  log().append(3);
  ASSERT_TRUE(log().run_until([&] { return log()->statistics().seals == 1; }));
  log().append(1);
  ASSERT_TRUE(log().run_until([&] { return log()->statistics().seals == 2; }));
}

TEST_P(WalAppend, FlushSealsOnceAndIsIdempotent) {
  log().open();
  ASSERT_TRUE(log().flush().ok());
  EXPECT_EQ(log()->statistics().seals, 0U);  // open has written one
  log().append(3);
  ASSERT_TRUE(log().flush().ok());
  ASSERT_TRUE(log().flush().ok());
  EXPECT_EQ(log()->statistics().seals, 1U);
  log().open();
  log().expect_entries(1, 3);
}

TEST_P(WalAppend, DestroyingALogWithWorkUnderWayIsFine) {
  for (int round = 0; round < 5; ++round) {
    log().options.write_depth = 4;
    log().open();
    const auto never = [](const auto&) { FAIL() << "called back after its log had gone"; };
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(log().queue(3, 1, never).ok());
    log()->flush(never);
    log()->save_hard_state(Term(static_cast<uint64_t>(round) + 1), NodeId(1), never);
    if (log()->durable_index() >= log()->first_index())
      log()->read(log()->first_index(), log()->durable_index(), 1 << 20, [](const auto&) { FAIL(); });
    bool posted = false;
    env().executor.post([&] { posted = true; });
    ASSERT_TRUE(log().run_until([&] { return posted; }));
    if (round % 2 == 0) {
      log().close();
      continue;
    }
    log().drop();
    posted = false;
    env().executor.schedule(std::chrono::milliseconds(50), [&] { posted = true; });
    ASSERT_TRUE(log().run_until([&] { return posted; }));
  }
  log().open();
}

TEST(WalOptions, WrongOnesAreNamed) {
  SimContractEnv sim(1);
  const auto refusal = [&](const std::function<void(WalOptions&)>& change) {
    TestLog log(sim.env(), sim.directory());
    change(log.options);
    const Status opened = log.try_open();
    return opened.ok() ? std::string() : opened.error().text();
  };
  EXPECT_NE(refusal([](WalOptions& o) { o.directory = ""; }).find("directory"), std::string::npos);
  EXPECT_NE(refusal([](WalOptions& o) { o.segment_bytes = 5000; }).find("segment_bytes is 5000"),
            std::string::npos);
  EXPECT_NE(refusal([](WalOptions& o) { o.max_batch_bytes = 1 << 20; }).find("max_batch_bytes"),
            std::string::npos);
  EXPECT_NE(refusal([](WalOptions& o) { o.max_queued_bytes = 1; }).find("max_queued_bytes"),
            std::string::npos);
  EXPECT_NE(refusal([](WalOptions& o) { o.write_depth = 5; }).find("write_depth is 5"), std::string::npos);
  EXPECT_NE(refusal([](WalOptions& o) { o.spares_ready = 0; }).find("spares_ready"), std::string::npos);
  EXPECT_NE(refusal([](WalOptions& o) { o.spares_kept = 0; }).find("spares_kept"), std::string::npos);
}

}  // namespace
}  // namespace revd::wal

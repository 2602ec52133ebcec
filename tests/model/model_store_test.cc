#include "tests/model/model_store.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "mvcc/command/errors.h"

namespace revd {
namespace {

const std::string kZero(1, '\0');

class ModelStoreTest : public ::testing::Test {
 protected:
  int64_t put(const std::string& key, const std::string& value = "v", int64_t lease = 0) {
    return store_.put({.key = key, .value = value, .lease = LeaseId(lease)})->revision;
  }
  int64_t erase(const std::string& key, const std::string& end = "") {
    return store_.delete_range({.key = key, .range_end = end})->revision;
  }
  std::string get(const std::string& key, int64_t revision = 0) {
    const auto found = store_.range({.key = key, .revision = revision});
    if (!found.ok()) return found.error().text();
    return found->kvs.empty() ? "absent" : found->kvs.front().value;
  }
  std::vector<Revision> kept() const {
    std::vector<Revision> all;
    for (const auto& [at, record] : store_.records()) all.push_back(at);
    return all;
  }

  ModelStore store_;
};
using ModelStoreRules = ModelStoreTest;

TEST_F(ModelStoreRules, RevisionsAndVersions) {
  EXPECT_EQ(store_.current_revision(), 1);
  EXPECT_EQ(put("a"), 2);
  EXPECT_EQ(put("a"), 3) << "the same value again is a revision";
  EXPECT_EQ(erase("b"), 3) << "nothing deleted";
  EXPECT_EQ(erase("a"), 4);
  EXPECT_EQ(put("a"), 5);
  const KeyValue kv = store_.range({.key = "a"})->kvs.at(0);
  EXPECT_EQ(kv.version, 1);
  EXPECT_EQ(kv.create_revision, 5);
  EXPECT_EQ(store_.key_count(), 1);
}

TEST_F(ModelStoreRules, ReadingThePast) {
  put("a", "1");
  put("a", "2");
  erase("a");
  EXPECT_EQ(get("a"), "absent");
  EXPECT_EQ(get("a", 3), "2");
  EXPECT_EQ(get("a", 2), "1");
  EXPECT_EQ(get("a", 1), "absent");
  EXPECT_EQ(get("a", 5), "etcdserver: mvcc: required revision is a future revision");
  ASSERT_TRUE(store_.compact({.revision = 3}).ok());
  EXPECT_EQ(get("a", 3), "2");
  EXPECT_EQ(get("a", 2), "etcdserver: mvcc: required revision has been compacted");
  EXPECT_EQ(compact_revision_of(store_.range({.key = "a", .revision = 2}).error()), 3);
}

TEST(ModelStore, CompactionKeepsWhatItMust) {
  ModelStore store;
  const auto put = [&](const char* key) { ASSERT_TRUE(store.put({.key = key}).ok()); };
  put("old");                                             // 2: superseded before 7
  put("old");                                             // 3: its newest at or below 7
  put("gone");                                            // 4
  ASSERT_TRUE(store.delete_range({.key = "gone"}).ok());  // 5: a tombstone older than 7
  put("dead");                                            // 6
  TxnRequest txn;                                         // 7: a key deleted and put again, another deleted
  txn.success.emplace_back().one_of = DeleteRangeRequest{.key = "dead", .range_end = kZero};
  txn.success.emplace_back().one_of = PutRequest{.key = "old", .value = "again"};
  ASSERT_TRUE(store.txn(txn).ok());
  put("old");  // 8
  ASSERT_EQ(store.current_revision(), 8);
  ASSERT_TRUE(store.compact({.revision = 7}).ok());
  std::vector<Revision> kept;
  for (const auto& [at, record] : store.records()) kept.push_back(at);
  EXPECT_EQ(kept, (std::vector<Revision>{{7, 0}, {7, 1}, {7, 2}, {8, 0}}));
  EXPECT_EQ(store.range({.key = "old", .revision = 7})->kvs.at(0).value, "again")
      << "reading a key that one transaction deleted and put again, at the compacted revision";
  EXPECT_FALSE(store.compact({.revision = 7}).ok());
  EXPECT_FALSE(store.compact({.revision = 9}).ok());
}

TEST_F(ModelStoreRules, AKeptRecordBelowTheFloorIsTheKeysStateThere) {
  put("a", "1");  // 2
  put("b");       // 3
  put("b");       // 4
  ASSERT_TRUE(store_.compact({.revision = 4}).ok());
  EXPECT_EQ(kept(), (std::vector<Revision>{{2, 0}, {4, 0}}));
  EXPECT_EQ(get("a", 4), "1");
}

// A store that compacts and one that never does give the same answers from the compacted revision on.
TEST(ModelStore, CompactionChangesNoAnswerAboveIt) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ModelStore compacting;
    ModelStore keeping;
    const auto key = [&] { return std::string(1, static_cast<char>('a' + random.below(5))); };
    for (int step = 0; step < 150; ++step) {
      if (random.chance(1, 3)) {
        const DeleteRangeRequest request{.key = key(), .range_end = random.chance(1, 3) ? key() : ""};
        EXPECT_TRUE(*compacting.delete_range(request) == *keeping.delete_range(request));
      } else {
        const PutRequest request{.key = key(), .value = std::to_string(step), .prev_kv = true};
        EXPECT_TRUE(*compacting.put(request) == *keeping.put(request));
      }
      if (random.chance(1, 10)) {
        const auto revision =
            static_cast<int64_t>(random.below(static_cast<uint64_t>(keeping.current_revision())));
        (void)compacting.compact({.revision = revision}).ok();
      }
      for (int64_t at = std::max<int64_t>(compacting.compact_revision(), 1); at <= keeping.current_revision();
           ++at) {
        const RangeRequest all{.key = kZero, .range_end = kZero, .revision = at};
        ASSERT_TRUE(*compacting.range(all) == *keeping.range(all)) << at;
        ASSERT_TRUE(*compacting.events({.key = "", .range_end = kZero}, at) ==
                    *keeping.events({.key = "", .range_end = kZero}, at));
      }
    }
  }
}

TEST(ModelStore, AFailedTransactionChangesNothing) {
  ModelStore store;
  ASSERT_TRUE(store.put({.key = "a", .value = "1"}).ok());
  const auto before = store.records();
  TxnRequest txn;
  txn.success.emplace_back().one_of = PutRequest{.key = "n", .ttl_ms = 5000};
  txn.success.emplace_back().one_of = DeleteRangeRequest{.key = "a", .range_end = kZero};
  txn.success.emplace_back().one_of = PutRequest{.key = "a", .ignore_value = true};
  EXPECT_TRUE(is_api_error(store.txn(txn).error(), ApiError::kKeyNotFound));
  EXPECT_TRUE(store.records() == before);
  EXPECT_EQ(store.current_revision(), 2);
  EXPECT_TRUE(store.lease_leases().ids.empty());
  EXPECT_EQ(store.range({.key = "a"})->kvs.at(0).value, "1");
  EXPECT_EQ(store.put({.key = "b"})->revision, 3);
}

TEST(ModelStore, ATransactionChecksPutsThenRanges) {
  ModelStore store;
  TxnRequest txn;
  txn.success.emplace_back().one_of = RangeRequest{.key = "a", .revision = 99};
  txn.success.emplace_back().one_of = PutRequest{.key = "a", .lease = LeaseId(5)};
  EXPECT_TRUE(is_api_error(store.txn(txn).error(), ApiError::kLeaseNotFound));
  txn.success.pop_back();
  EXPECT_TRUE(is_api_error(store.txn(txn).error(), ApiError::kFutureRevision));
}

TEST_F(ModelStoreRules, LeasesAttachDetachAndRevoke) {
  ASSERT_TRUE(store_.lease_grant({.id = LeaseId(7), .ttl_ms = 60'000}).ok());
  EXPECT_TRUE(
      is_api_error(store_.lease_grant({.id = LeaseId(7), .ttl_ms = 1}).error(), ApiError::kLeaseExists));
  put("b", "v", 7);
  put("a", "v", 7);
  put("c", "v", 7);
  put("c");  // detaches
  EXPECT_EQ(store_.lease_time_to_live({.id = LeaseId(7), .keys = true}).keys,
            (std::vector<std::string>{"a", "b"}));
  const int64_t before = store_.current_revision();
  EXPECT_EQ(store_.lease_revoke({.id = LeaseId(7)})->revision, before + 1);
  EXPECT_EQ(store_.records().at({before + 1, 0}).kv.key, "a") << "sorted";
  EXPECT_EQ(store_.records().at({before + 1, 1}).kv.key, "b");
  EXPECT_EQ(get("c"), "v");
  EXPECT_EQ(store_.lease_time_to_live({.id = LeaseId(7)}).ttl_ms, -1);
  EXPECT_TRUE(is_api_error(store_.lease_revoke({.id = LeaseId(7)}).error(), ApiError::kLeaseNotFound));
}

TEST_F(ModelStoreRules, LeasesExpireInLogTimeAlone) {
  ASSERT_EQ(store_.lease_grant({.id = LeaseId(1), .ttl_ms = 1})->ttl_ms, 2000) << "raised to the minimum";
  ASSERT_TRUE(store_.lease_grant({.id = LeaseId(2), .ttl_ms = 5000}).ok());
  put("a", "v", 1);
  put("b", "v", 2);
  store_.advance_time(1999);
  store_.lease_expire({LeaseId(1), LeaseId(2)});
  EXPECT_EQ(get("a"), "v");
  EXPECT_EQ(store_.lease_keep_alive({.ids = {LeaseId(1), LeaseId(9)}}).ttls_ms,
            (std::vector<int64_t>{2000, 0}));
  store_.advance_time(1999);
  store_.lease_expire({LeaseId(1)});
  EXPECT_EQ(get("a"), "v") << "renewed";
  store_.advance_time(1002);
  const int64_t before = store_.current_revision();
  EXPECT_EQ(store_.lease_expire({LeaseId(2), LeaseId(1)}).revision, before + 2) << "a revision for each";
  EXPECT_EQ(store_.records().at({before + 1, 0}).kv.key, "b") << "in the command's order";
}

TEST_F(ModelStoreRules, APutWithItsOwnTtl) {
  const auto made = store_.put({.key = "k", .lease = LeaseId(40), .ttl_ms = 10'000});
  EXPECT_EQ(made->lease, LeaseId(40));
  EXPECT_EQ(store_.lease_time_to_live({.id = LeaseId(40), .keys = true}).keys, std::vector<std::string>{"k"});
  EXPECT_TRUE(is_api_error(store_.put({.key = "k", .lease = LeaseId(40), .ttl_ms = 10'000}).error(),
                           ApiError::kLeaseExists));
  EXPECT_TRUE(is_api_error(store_.put({.key = "k", .ttl_ms = 9'000'000'000'001}).error(),
                           ApiError::kLeaseTtlTooLarge));
}

TEST_F(ModelStoreRules, ComparesSeeTheStateBefore) {
  put("a", "1");
  TxnRequest txn;
  txn.success.emplace_back().one_of = PutRequest{.key = "a", .value = "2"};
  TxnRequest nested;
  nested.compare.push_back({.target = CompareTarget::kValue, .key = "a", .value = "1"});
  nested.success.emplace_back().one_of = RangeRequest{.key = "a"};
  txn.success.emplace_back().one_of = nested;
  const auto response = store_.txn(txn);
  ASSERT_TRUE(response.ok());
  const auto& inner = std::get<TxnResponse>(response->responses.at(1).one_of);
  EXPECT_TRUE(inner.succeeded);
  EXPECT_EQ(std::get<RangeResponse>(inner.responses.at(0).one_of).kvs.at(0).value, "2")
      << "later operations see earlier ones";
}

TEST_F(ModelStoreRules, NegativeRevisionsMeanNowOutsideTransactions) {
  put("a", "1");
  put("a", "2");
  EXPECT_EQ(get("a", -5), "2");
  TxnRequest txn;
  txn.success.emplace_back().one_of = RangeRequest{.key = "a", .revision = -5};
  EXPECT_TRUE(is_api_error(store_.txn(txn).error(), ApiError::kCompacted));
}

}  // namespace
}  // namespace revd

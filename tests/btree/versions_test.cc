#include "btree/versions.h"

#include <gtest/gtest.h>

namespace revd::btree {
namespace {

constexpr auto kSnapshot = Versions::Holder::kSnapshot;
constexpr auto kEssential = Versions::Holder::kEssential;

std::vector<uint64_t> ids(const std::vector<HeldPage>& pages) {
  std::vector<uint64_t> out;
  for (const HeldPage& page : pages) out.push_back(page.id.value());
  return out;
}

class VersionsTest : public ::testing::Test {
 protected:
  void publish() { versions_.publish({}, {}); }
  Pin& pin(Versions::Holder holder = kSnapshot, uint64_t next_checkpoint = 1) {
    return versions_.pin(holder, CheckpointId(next_checkpoint), Instant());
  }
  Versions versions_;
};

TEST_F(VersionsTest, AHeldPageGoesWithItsOnlyPin) {
  publish();
  Pin& a = pin();
  versions_.hold({.id = DirtyId(7), .made_in = 1});
  EXPECT_EQ(versions_.newest_pinned(), 1u);
  EXPECT_EQ(ids(versions_.unpin(a, kSnapshot)), std::vector<uint64_t>{7});
  EXPECT_EQ(versions_.newest_pinned(), 0u);
}

TEST_F(VersionsTest, AnOlderPinTakesOverWhatItCanSee) {
  publish();
  Pin& old = pin();
  publish();
  Pin& young = pin();
  versions_.hold({.id = DirtyId(1), .made_in = 1});
  versions_.hold({.id = DirtyId(2), .made_in = 2});
  EXPECT_EQ(ids(versions_.unpin(young, kSnapshot)), std::vector<uint64_t>{2});
  EXPECT_EQ(ids(versions_.unpin(old, kSnapshot)), std::vector<uint64_t>{1});
}

TEST_F(VersionsTest, PinsOfOneVersionAreShared) {
  publish();
  Pin& a = pin();
  Pin& b = pin();
  EXPECT_EQ(&a, &b);
  versions_.hold({.id = DirtyId(1), .made_in = 1});
  EXPECT_TRUE(versions_.unpin(a, kSnapshot).empty());
  EXPECT_EQ(versions_.unpin(b, kSnapshot).size(), 1u);
}

TEST_F(VersionsTest, OnlySnapshotsExpireOldestFirst) {
  publish();
  Pin& checkpoint = pin(kEssential, 1);
  publish();
  Pin& old = pin(kSnapshot, 2);
  versions_.hold({.id = DirtyId(4), .made_in = 2});
  publish();
  Pin& young = pin(kSnapshot, 3);
  EXPECT_EQ(versions_.oldest_extent_pin(), CheckpointId(1));
  std::vector<HeldPage> freed;
  EXPECT_TRUE(versions_.expire_oldest(freed));
  EXPECT_TRUE(old.expired);
  EXPECT_FALSE(young.expired);
  EXPECT_EQ(ids(freed), std::vector<uint64_t>{4});
  EXPECT_TRUE(versions_.expire_oldest(freed));
  EXPECT_FALSE(versions_.expire_oldest(freed));
  EXPECT_TRUE(versions_.unpin(old, kSnapshot).empty());
  EXPECT_TRUE(versions_.unpin(young, kSnapshot).empty());
  EXPECT_TRUE(versions_.unpin(checkpoint, kEssential).empty());
  EXPECT_EQ(versions_.oldest_extent_pin(), CheckpointId(UINT64_MAX));
  EXPECT_EQ(versions_.snapshots_open(), 0u);
}

}  // namespace
}  // namespace revd::btree

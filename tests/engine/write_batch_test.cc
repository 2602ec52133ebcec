#include "engine/write_batch.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace revd {
namespace {

std::vector<std::string> ops_of(ByteSpan encoded) {
  std::vector<std::string> ops;
  const Status status = for_each_op(encoded, [&](const BatchOp& op) -> Status {
    ops.push_back(std::string(op.erase ? "-" : "+") + std::string(op.tree) + "/" + std::string(op.key) + "=" +
                  std::string(op.value));
    return {};
  });
  if (!status.ok()) ops.push_back(status.error().text());
  return ops;
}

TEST(WriteBatch, OperationsComeBackInOrder) {
  WriteBatch batch;
  batch.put("a", "k1", "v1");
  batch.erase("a", "k2");
  batch.put("b", "k1", std::string(10'000, 'x'));
  EXPECT_EQ(batch.count(), 3U);
  EXPECT_EQ(ops_of(batch.encoded()),
            (std::vector<std::string>{"+a/k1=v1", "-a/k2=", "+b/k1=" + std::string(10'000, 'x')}));
  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_TRUE(ops_of(batch.encoded()).empty());
}

TEST(WriteBatch, GoldenBytes) {
  WriteBatch batch;
  batch.put("t", "k", "vv");
  batch.erase("t", "k");
  EXPECT_EQ(as_view(batch.encoded()), std::string_view("\x01\x01\x01t\x02\x01k\x02vv\x03\x01k", 13));
}

TEST(WriteBatch, AnErrorOfTheVisitorStops) {
  WriteBatch batch;
  batch.put("t", "1", "");
  batch.put("t", "2", "");
  int seen = 0;
  const Status status = for_each_op(batch.encoded(), [&](const BatchOp&) -> Status {
    ++seen;
    return Error(ErrorCode::kInternal, "enough");
  });
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(status.error().text(), "enough");
}

TEST(WriteBatch, EveryTruncationAndRandomBytesAreErrorsOrShorterBatches) {
  WriteBatch batch;
  batch.put("tree", "key", "value");
  batch.erase("tree", "other");
  const std::string whole(as_view(batch.encoded()));
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_LT(ops_of(as_bytes(std::string_view(whole).substr(0, length))).size(), 3U);
  Random random(5);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random.below(40), '\0');
    random.fill({reinterpret_cast<std::byte*>(bytes.data()), bytes.size()});
    if (!bytes.empty()) bytes[0] = 1;
    (void)ops_of(as_bytes(bytes));
  }
}

TEST(WriteBatch, AnUnknownVersionIsRefused) {
  EXPECT_EQ(ops_of(as_bytes("\x02")).front(), "write batch: version 2; this program reads version 1");
}

}  // namespace
}  // namespace revd

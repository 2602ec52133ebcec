// What base/disk.h promises about the bytes of files and about completions, for every Disk. See
// contract_env.h for how to run it. disk_names_contract.h (included below) has names and locks.
#pragma once

#include <algorithm>
#include <deque>
#include <vector>

#include "base/disk.h"
#include "tests/base/contract_env.h"

namespace revd {

// Verbs over blocking operations.
class DiskContract : public ContractTest {
 protected:
  static constexpr size_t kBlock = kIoAlignment;

  FileHandle open_new(const std::string& name) {
    Result<OpenedFile> opened = open_file(disk(), path(name), {.create = true});
    EXPECT_TRUE(opened.ok()) << opened.error().describe();
    return opened->file;
  }
  static AlignedBuffer filled(size_t size, int fill) {
    AlignedBuffer buffer(size);
    std::fill_n(buffer.data(), size, static_cast<std::byte>(fill));
    return buffer;
  }
  void write(FileHandle file, uint64_t offset, size_t size, int fill, bool durable = false) {
    const AlignedBuffer buffer = filled(size, fill);
    const Status status = write_fully(disk(), file, offset, buffer.span(), durable);
    EXPECT_TRUE(status.ok()) << status.error().describe();
  }
  // Reads at most `size` bytes.
  std::string read(FileHandle file, uint64_t offset, size_t size) {
    AlignedBuffer buffer = filled(size, 0xEE);
    DiskOp op;
    op.kind = DiskOp::Kind::kRead;
    op.file = file;
    op.offset = offset;
    op.read_into = buffer.span();
    Result<uint64_t> count = disk().wait(op);
    EXPECT_TRUE(count.ok()) << count.error().describe();
    return std::string(as_view(buffer.span().first(count.ok() ? *count : 0)));
  }
  static std::string bytes(size_t size, int fill) { return std::string(size, static_cast<char>(fill)); }
  Result<uint64_t> wait_for(DiskOp::Kind kind, FileHandle file, uint64_t offset = 0, uint64_t length = 0) {
    DiskOp op;
    op.kind = kind;
    op.file = file;
    op.offset = offset;
    op.length = length;
    return disk().wait(op);
  }
  void close(FileHandle file) { EXPECT_TRUE(close_file(disk(), file).ok()); }
};

TEST_P(DiskContract, OpenGivesTheSize) {
  const FileHandle file = open_new("a");
  write(file, 0, 2 * kBlock, 1);
  close(file);
  Result<OpenedFile> again = open_file(disk(), path("a"), {});
  ASSERT_TRUE(again.ok()) << again.error().describe();
  EXPECT_EQ(again->size, 2 * kBlock);
  close(again->file);
}

TEST_P(DiskContract, WrittenBytesAreRead) {
  const FileHandle file = open_new("a");
  write(file, 0, kBlock, 1);
  write(file, kBlock, 2 * kBlock, 2);
  write(file, 2 * kBlock, kBlock, 3, /*durable=*/true);
  EXPECT_EQ(read(file, 0, 3 * kBlock), bytes(kBlock, 1) + bytes(kBlock, 2) + bytes(kBlock, 3));
  close(file);
}

TEST_P(DiskContract, ReadIsShortOnlyAtTheEnd) {
  const FileHandle file = open_new("a");
  write(file, 0, 2 * kBlock, 7);
  ASSERT_TRUE(truncate_file(disk(), file, kBlock + 904).ok());
  EXPECT_EQ(read(file, 0, 4 * kBlock), bytes(kBlock + 904, 7));
  EXPECT_EQ(read(file, kBlock, kBlock), bytes(904, 7));
  EXPECT_EQ(read(file, 2 * kBlock, kBlock), "");
  EXPECT_EQ(read(file, 64 * kBlock, kBlock), "");
  close(file);
}

TEST_P(DiskContract, ReadExactlyOfAShorterFileIsDataLoss) {
  const FileHandle file = open_new("a");
  write(file, 0, kBlock, 7);
  AlignedBuffer buffer(2 * kBlock);
  const Status status = read_exactly(disk(), file, 0, buffer.span());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kDataLoss);
  close(file);
}

TEST_P(DiskContract, AHoleReadsAsZeros) {
  const FileHandle file = open_new("a");
  write(file, 4 * kBlock, kBlock, 9);
  EXPECT_EQ(read(file, 0, 5 * kBlock), bytes(4 * kBlock, 0) + bytes(kBlock, 9));
  close(file);
}

TEST_P(DiskContract, TruncateCutsAndGrowsWithZeros) {
  const FileHandle file = open_new("a");
  write(file, 0, 2 * kBlock, 5);
  ASSERT_TRUE(truncate_file(disk(), file, kBlock).ok());
  ASSERT_TRUE(truncate_file(disk(), file, 3 * kBlock).ok());
  EXPECT_EQ(read(file, 0, 4 * kBlock), bytes(kBlock, 5) + bytes(2 * kBlock, 0));
  close(file);
}

TEST_P(DiskContract, AllocateGrowsTheSizeAndKeepsBytes) {
  const FileHandle file = open_new("a");
  write(file, 0, kBlock, 5);
  ASSERT_TRUE(wait_for(DiskOp::Kind::kAllocate, file, 0, 4 * kBlock).ok());
  EXPECT_EQ(read(file, 0, 8 * kBlock), bytes(kBlock, 5) + bytes(3 * kBlock, 0));
  ASSERT_TRUE(wait_for(DiskOp::Kind::kAllocate, file, 0, 2 * kBlock).ok());
  EXPECT_EQ(read(file, 0, 8 * kBlock).size(), 4 * kBlock) << "allocate must never shrink";
  close(file);
}

TEST_P(DiskContract, PunchReadsAsZerosAndKeepsTheSize) {
  const FileHandle file = open_new("a");
  write(file, 0, 4 * kBlock, 5);
  ASSERT_TRUE(wait_for(DiskOp::Kind::kPunch, file, kBlock, 2 * kBlock).ok());
  EXPECT_EQ(read(file, 0, 8 * kBlock), bytes(kBlock, 5) + bytes(2 * kBlock, 0) + bytes(kBlock, 5));
  ASSERT_TRUE(wait_for(DiskOp::Kind::kPunch, file, 3 * kBlock, kBlock).ok());
  EXPECT_EQ(read(file, 0, 8 * kBlock).size(), 4 * kBlock);
  close(file);
}

TEST_P(DiskContract, SyncAndDropCacheKeepTheBytes) {
  const FileHandle file = open_new("a");
  write(file, 0, kBlock, 5);
  ASSERT_TRUE(sync_file(disk(), file).ok());
  write(file, kBlock, kBlock, 6);
  ASSERT_TRUE(wait_for(DiskOp::Kind::kDropCache, file).ok());
  EXPECT_EQ(read(file, 0, 2 * kBlock), bytes(kBlock, 5) + bytes(kBlock, 6));
  close(file);
}

TEST_P(DiskContract, ReadOnlyRefusesWrites) {
  close(open_new("a"));
  Result<OpenedFile> opened = open_file(disk(), path("a"), {.read_only = true});
  ASSERT_TRUE(opened.ok());
  const AlignedBuffer buffer = filled(kBlock, 1);
  const Status status = write_fully(disk(), opened->file, 0, buffer.span(), false);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kIo);
  close(opened->file);
}

TEST_P(DiskContract, NothingCompletesInsideSubmit) {
  const FileHandle file = open_new("a");
  const AlignedBuffer buffer = filled(kBlock, 1);
  DiskOp op;
  op.kind = DiskOp::Kind::kWrite;
  op.file = file;
  op.write_from = buffer.span();
  bool done = false;
  op.on_done = [&] { done = true; };
  disk().submit(op);
  EXPECT_FALSE(done);
  disk().flush();
  ASSERT_TRUE(run_until([&] { return done; }));
  ASSERT_TRUE(op.result.ok());
  EXPECT_EQ(*op.result, kBlock);
  close(file);
}

TEST_P(DiskContract, ManyOperationsEachEndOnceWithTheirOwnResult) {
  const FileHandle file = open_new("a");
  constexpr size_t kCount = 300;
  std::deque<DiskOp> ops(kCount);
  std::vector<AlignedBuffer> buffers;
  std::vector<int> ended(kCount);
  size_t total = 0;
  for (size_t i = 0; i < kCount; ++i) {
    buffers.push_back(filled(kBlock * (1 + i % 3), static_cast<int>(i % 251)));
    ops[i].kind = DiskOp::Kind::kWrite;
    ops[i].file = file;
    ops[i].offset = i * 3 * kBlock;
    ops[i].durable = i % 16 == 0;
    ops[i].write_from = buffers[i].span();
    ops[i].on_done = [&ended, &total, i] {
      ++ended[i];
      ++total;
    };
    disk().submit(ops[i]);
  }
  ASSERT_TRUE(run_until([&] { return total >= kCount; }));
  for (size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(ended[i], 1);
    ASSERT_TRUE(ops[i].result.ok());
    EXPECT_EQ(*ops[i].result, buffers[i].size());
    EXPECT_EQ(read(file, ops[i].offset, kBlock), bytes(kBlock, static_cast<int>(i % 251)));
  }
  close(file);
}

TEST_P(DiskContract, AnOperationMayBeReusedInItsOwnCompletion) {
  const FileHandle file = open_new("a");
  const AlignedBuffer buffer = filled(kBlock, 4);
  DiskOp op;
  int writes = 0;
  std::function<void()> next = [&] {
    if (++writes > 5) return;
    op.kind = DiskOp::Kind::kWrite;
    op.file = file;
    op.offset = static_cast<uint64_t>(writes) * kBlock;
    op.write_from = buffer.span();
    op.on_done = [&next] { next(); };
    disk().submit(op);
  };
  next();
  ASSERT_TRUE(run_until([&] { return writes > 5; }));
  EXPECT_EQ(read(file, 0, 8 * kBlock), bytes(kBlock, 0) + bytes(5 * kBlock, 4));
  close(file);
}

TEST_P(DiskContract, AnOperationMayBeDestroyedInItsOwnCompletion) {
  const FileHandle file = open_new("a");
  auto op = std::make_unique<DiskOp>();
  op->kind = DiskOp::Kind::kSync;
  op->file = file;
  bool done = false;
  std::string kept = "captured state lives until the end of the callback";
  op->on_done = [&op, &done, kept] {
    op.reset();
    done = kept.size() > 10;
  };
  disk().submit(*op);
  ASSERT_TRUE(run_until([&] { return op == nullptr; }));
  EXPECT_TRUE(done);
  close(file);
}

TEST_P(DiskContract, WaitLeavesOtherCompletionsForLater) {
  const FileHandle file = open_new("a");
  const AlignedBuffer buffer = filled(kBlock, 1);
  std::deque<DiskOp> ops(20);
  size_t delivered = 0;
  for (size_t i = 0; i < ops.size(); ++i) {
    ops[i].kind = DiskOp::Kind::kWrite;
    ops[i].file = file;
    ops[i].offset = i * kBlock;
    ops[i].write_from = buffer.span();
    ops[i].on_done = [&delivered] { ++delivered; };
    disk().submit(ops[i]);
  }
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(wait_for(DiskOp::Kind::kSync, file).ok());
  EXPECT_EQ(delivered, 0U) << "wait() must not call the callbacks of others";
  ASSERT_TRUE(run_until([&] { return delivered == ops.size(); }));
  close(file);
}

// A chain of operations, each submitted after the one before has ended: whoever delivers them late
// must keep their order.
TEST_P(DiskContract, WaitKeepsTheOrderOfDeferredCompletions) {
  const FileHandle file = open_new("a");
  std::vector<int> order;
  std::deque<DiskOp> ops(2);
  for (int i = 0; i < 2; ++i) {
    DiskOp& op = ops[static_cast<size_t>(i)];
    op.kind = DiskOp::Kind::kSync;
    op.file = file;
    op.on_done = [&order, i] { order.push_back(i); };
    disk().submit(op);
    // Long enough for the operation to have ended inside one of these.
    for (int n = 0; n < 50; ++n) ASSERT_TRUE(wait_for(DiskOp::Kind::kSync, file).ok());
  }
  EXPECT_TRUE(order.empty());
  ASSERT_TRUE(run_until([&] { return order.size() == 2; }));
  EXPECT_EQ(order, (std::vector<int>{0, 1}));
  close(file);
}

}  // namespace revd

#include "tests/base/disk_names_contract.h"  // IWYU pragma: export

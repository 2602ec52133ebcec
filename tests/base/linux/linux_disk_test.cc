// What only the disks of base/linux can show: limits, refusals and errors of a real system. What every
// Disk must do is in tests/base/disk_contract.h.
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstring>
#include <fstream>

#include "base/linux/file_table.h"
#include "tests/base/linux/env_fixture.h"

namespace revd {
namespace {

AlignedBuffer filled(size_t size, int value) {
  AlignedBuffer buffer(size);
  std::memset(buffer.data(), value, size);
  return buffer;
}

// The largest file that this process may write, in bytes, for the guard's life.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(uint64_t size) {
    before_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = size;
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, before_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*before_handler_)(int) = nullptr;
};

class LinuxDisk : public testing::TestWithParam<DiskChoice> {
 protected:
  Disk& disk() { return env_->env().disk; }
  Executor& executor() { return env_->env().executor; }
  FileHandle create(const std::string& name, bool direct = true) {
    auto opened = open_file(disk(), directory_.file(name), {.create = true, .direct = direct});
    EXPECT_TRUE(opened.ok());
    return opened->file;
  }
  // Starts a write of `from`; `op` and `from` must stay.
  void start_write(DiskOp& op, FileHandle file, uint64_t offset, const AlignedBuffer& from,
                   std::function<void()> done) {
    op.kind = DiskOp::Kind::kWrite;
    op.file = file;
    op.offset = offset;
    op.write_from = from.span();
    op.on_done = std::move(done);
    disk().submit(op);
  }

  FreshDirectory directory_;
  std::unique_ptr<LinuxEnv> env_ = make_env(GetParam());
};

TEST_P(LinuxDisk, HasTheNameOfItsKind) {
  EXPECT_STREQ(disk().name(), GetParam() == DiskChoice::kIoUring ? "io_uring" : "threads");
}

TEST_P(LinuxDisk, WriteCutShortByALimitIsAnErrorThatNamesWhatFailed) {
  for (const bool direct : {true, false}) {
    SCOPED_TRACE(direct);
    const std::string name = direct ? "direct" : "buffered";
    const FileHandle file = create(name, direct);
    const AlignedBuffer from = filled(size_t{64} << 10, 7);
    {
      const FileSizeLimit limit(size_t{16} << 10);
      const Status status = write_fully(disk(), file, 0, from.span(), true);
      ASSERT_FALSE(status.ok());
      EXPECT_EQ(status.error().code(), ErrorCode::kIo);
      EXPECT_EQ(status.error().text(), str_cat("write ", directory_.file(name), " at 16384: File too large"));
    }
    // The disk goes on, and the part that fitted is there.
    AlignedBuffer into(size_t{16} << 10);
    ASSERT_TRUE(read_exactly(disk(), file, 0, into.span()).ok());
    EXPECT_EQ(std::memcmp(into.data(), from.data(), into.size()), 0);
    EXPECT_TRUE(write_fully(disk(), file, 0, from.span(), true).ok());
    EXPECT_TRUE(close_file(disk(), file).ok());
  }
}

TEST_P(LinuxDisk, WriteCutShortInsideABlockIsAnErrorToo) {
  const FileHandle file = create("f", false);
  const AlignedBuffer from = filled(8192, 7);
  const FileSizeLimit limit(5000);
  const Status status = write_fully(disk(), file, 0, from.span(), false);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kIo);
}

TEST_P(LinuxDisk, FullFileSystemIsResourceExhausted) {
  // /dev/full refuses every write with ENOSPC.
  auto opened = open_file(disk(), "/dev/full", {.direct = false});
  ASSERT_TRUE(opened.ok());
  const AlignedBuffer from = filled(4096, 1);
  const Status status = write_fully(disk(), opened->file, 0, from.span(), false);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(status.error().text(), "write /dev/full at 0: No space left on device");
}

TEST_P(LinuxDisk, WhereDirectIsRefusedTheFileIsBuffered) {
  // /proc refuses the flag with EINVAL.
  auto opened = open_file(disk(), "/proc/self/status", {.direct = true, .read_only = true});
  ASSERT_TRUE(opened.ok()) << opened.error().describe();
  AlignedBuffer into(4096);
  DiskOp read;
  read.kind = DiskOp::Kind::kRead;
  read.file = opened->file;
  read.read_into = into.span();
  const Result<uint64_t> count = disk().wait(read);
  ASSERT_TRUE(count.ok()) << count.error().describe();
  EXPECT_TRUE(as_view(into.span()).starts_with("Name:"));
}

TEST_P(LinuxDisk, ReadAtAnOddEndGivesWhatIsThere) {
  std::ofstream(directory_.file("odd")) << std::string(4096 + 4096 + 100, 'x');
  for (const bool direct : {true, false}) {
    auto opened = open_file(disk(), directory_.file("odd"), {.direct = direct, .read_only = true});
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(opened->size, 8292U);
    AlignedBuffer into(16384);
    DiskOp read;
    read.kind = DiskOp::Kind::kRead;
    read.file = opened->file;
    read.offset = 4096;
    read.read_into = into.span();
    Result<uint64_t> count = disk().wait(read);
    ASSERT_TRUE(count.ok()) << count.error().describe();
    EXPECT_EQ(*count, 4196U);
    read.offset = 12288;
    count = disk().wait(read);
    ASSERT_TRUE(count.ok());
    EXPECT_EQ(*count, 0U);
  }
}

TEST_P(LinuxDisk, ErrorsNameOperationAndPath) {
  const auto missing = open_file(disk(), directory_.file("none"), {});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().text(), str_cat("open ", directory_.file("none"), ": No such file or directory"));

  const Status renamed = rename_file(disk(), directory_.file("a"), directory_.file("b"));
  ASSERT_FALSE(renamed.ok());
  EXPECT_EQ(renamed.error().text(), str_cat("rename ", directory_.file("a"), " to ", directory_.file("b"),
                                            ": No such file or directory"));

  std::ofstream(directory_.file("plain")) << "x";
  const Status made = make_directory(disk(), directory_.file("plain"));
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code(), ErrorCode::kAlreadyExists);

  auto read_only = open_file(disk(), directory_.file("plain"), {.read_only = true});
  ASSERT_TRUE(read_only.ok());
  const AlignedBuffer from = filled(4096, 1);
  const Status written = write_fully(disk(), read_only->file, 0, from.span(), false);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code(), ErrorCode::kIo);
  EXPECT_TRUE(written.error().text().starts_with(str_cat("write ", directory_.file("plain"), " at 0: ")));
}

TEST_P(LinuxDisk, WaitLeavesOtherCompletionsForTheLoopInOrder) {
  const FileHandle file = create("f");
  constexpr size_t kWrites = 32;
  const AlignedBuffer from = filled(4096, 1);
  std::vector<DiskOp> ops(kWrites);
  size_t delivered = 0;
  for (size_t i = 0; i < kWrites; ++i) start_write(ops[i], file, i * 4096, from, [&] { ++delivered; });
  for (size_t i = 0; i < 8; ++i) {
    AlignedBuffer into(4096);
    DiskOp read;
    read.kind = DiskOp::Kind::kRead;
    read.file = file;
    read.offset = i * 4096;
    read.read_into = into.span();
    read.on_done = [] { FAIL(); };
    ASSERT_TRUE(disk().wait(read).ok());
    EXPECT_EQ(delivered, 0U);
  }
  EXPECT_TRUE(sync_file(disk(), file).ok());
  EXPECT_EQ(delivered, 0U);
  EXPECT_TRUE(executor().run_until([&] { return delivered == kWrites; }));
  for (const DiskOp& op : ops) EXPECT_TRUE(op.result.ok());
}

TEST_P(LinuxDisk, WaitInsideACompletionWorks) {
  const FileHandle file = create("f");
  const AlignedBuffer from = filled(4096, 9);
  DiskOp first;
  DiskOp second;
  std::string order;
  start_write(first, file, 0, from, [&] {
    AlignedBuffer into(4096);
    EXPECT_TRUE(read_exactly(disk(), file, 0, into.span()).ok());
    EXPECT_TRUE(open_file(disk(), directory_.file("g"), {.create = true}).ok());
    order += '1';
  });
  start_write(second, file, 4096, from, [&] { order += '2'; });
  EXPECT_TRUE(executor().run_until([&] { return order.size() == 2; }));
}

TEST_P(LinuxDisk, MoreOperationsThanTheRingHoldsAllEnd) {
  const FileHandle file = create("f");
  constexpr size_t kWrites = 3000;
  const AlignedBuffer from = filled(4096, 3);
  std::vector<DiskOp> ops(kWrites);
  size_t delivered = 0;
  for (size_t i = 0; i < kWrites; ++i) start_write(ops[i], file, i * 4096, from, [&] { ++delivered; });
  EXPECT_EQ(delivered, 0U);
  EXPECT_TRUE(executor().run_until([&] { return delivered == kWrites; }));
  for (const DiskOp& op : ops) ASSERT_TRUE(op.result.ok());
}

TEST_P(LinuxDisk, ACompletionMayDestroyItsOperation) {
  const FileHandle file = create("f");
  const AlignedBuffer from = filled(4096, 3);
  auto op = std::make_unique<DiskOp>();
  bool gone = false;
  start_write(*op, file, 0, from, [&] {
    op.reset();
    gone = true;
  });
  EXPECT_TRUE(executor().run_until([&] { return gone; }));
}

TEST_P(LinuxDisk, DestructionWaitsForTheKernelAndCallsNobody) {
  const FileHandle file = create("f");
  std::vector<AlignedBuffer> buffers;
  std::vector<DiskOp> ops(64);
  for (size_t i = 0; i < ops.size(); ++i) {
    buffers.push_back(filled(size_t{64} << 10, 5));
    start_write(ops[i], file, i << 16, buffers[i], [] { FAIL(); });
  }
  disk().flush();
  env_.reset();
  buffers.clear();  // under the address sanitizer a late read by the helper would show
  EXPECT_TRUE(std::filesystem::exists(directory_.file("f")));
}

TEST_P(LinuxDisk, NewFilesAreForTheirOwnerAlone) {
  create("f");
  ASSERT_TRUE(make_directory(disk(), directory_.file("d")).ok());
  struct stat facts{};
  ASSERT_EQ(stat(directory_.file("f").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  ASSERT_EQ(stat(directory_.file("d").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0700U);
}

TEST_P(LinuxDisk, PunchGivesBlocksBack) {
  const FileHandle file = create("f");
  const AlignedBuffer from = filled(size_t{1} << 20, 5);
  ASSERT_TRUE(write_fully(disk(), file, 0, from.span(), true).ok());
  struct stat before{};
  ASSERT_EQ(stat(directory_.file("f").c_str(), &before), 0);
  DiskOp punch;
  punch.kind = DiskOp::Kind::kPunch;
  punch.file = file;
  punch.length = size_t{1} << 19;
  ASSERT_TRUE(disk().wait(punch).ok());
  struct stat after{};
  ASSERT_EQ(stat(directory_.file("f").c_str(), &after), 0);
  EXPECT_EQ(after.st_size, before.st_size);
  EXPECT_LT(after.st_blocks, before.st_blocks);
}

INSTANTIATE_TEST_SUITE_P(Disks, LinuxDisk, testing::ValuesIn(disks_to_test()), disk_name);

// Files without a vectored write refuse RWF_DSYNC as old kernels do; this process's memory is one. It
// can't be synced either, which shows that a sync follows the plain write.
TEST(FileTable, WithoutRwfDsyncADurableWriteIsFollowedByASync) {
  const FreshDirectory directory;
  os::FileTable files;
  const auto open = [&](const std::string& path, bool create) {
    DiskOp op;
    op.kind = DiskOp::Kind::kOpen;
    op.path = path;
    op.open = {.create = create, .direct = false};
    EXPECT_TRUE(files.perform(op).ok());
    return op.file;
  };
  const AlignedBuffer from = filled(4096, 'x');
  DiskOp write;
  write.kind = DiskOp::Kind::kWrite;
  write.write_from = from.span();
  const AlignedBuffer target = filled(4096, 'o');
  write.file = open("/proc/self/mem", false);
  write.offset = reinterpret_cast<uintptr_t>(target.data());
  EXPECT_TRUE(files.perform(write).ok());
  write.durable = true;
  const Result<uint64_t> unsynced = files.perform(write);
  ASSERT_FALSE(unsynced.ok());
  EXPECT_TRUE(unsynced.error().text().contains("Invalid argument")) << unsynced.error().text();

  write.file = open(directory.file("f"), true);
  write.offset = 0;
  const Result<uint64_t> written = files.perform(write);
  ASSERT_TRUE(written.ok()) << written.error().describe();
  EXPECT_EQ(*written, 4096U);
}

TEST(ResumeTransfer, GoesOnAtAWholeBlockUnlessThatIsNoProgress) {
  EXPECT_EQ(os::resume_transfer_at(0, 8192), 8192U);
  EXPECT_EQ(os::resume_transfer_at(0, 9000), 8192U);
  EXPECT_EQ(os::resume_transfer_at(8192, 9000), 9000U);
  EXPECT_EQ(os::resume_transfer_at(9000, 13000), 12288U);
  EXPECT_EQ(os::resume_transfer_at(0, 512), 512U);
}

}  // namespace
}  // namespace revd

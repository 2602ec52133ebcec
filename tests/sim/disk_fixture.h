// Verbs for tests on one simulated process and its disk.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/disk.h"
#include "tests/sim/world.h"

namespace revd {

class SimDiskTest : public ::testing::Test {
 protected:
  static constexpr size_t kBlock = kIoAlignment;

  explicit SimDiskTest(uint64_t seed = 1) : world_(seed), node_(world_.add_process("n1")) {
    medium().make_directory("/d");
  }
  SimDisk& disk() { return node_.disk(); }
  SimMedium& medium() { return node_.medium(); }

  FileHandle open(const std::string& path, bool direct = true) {
    Result<OpenedFile> opened = open_file(disk(), path, {.create = true, .direct = direct});
    EXPECT_TRUE(opened.ok()) << opened.error().describe();
    return opened->file;
  }
  // A new file whose name is durable.
  FileHandle open_durably(const std::string& path) {
    const FileHandle file = open(path);
    EXPECT_TRUE(sync_directory(disk(), parent_path(path)).ok());
    return file;
  }
  Status try_write(FileHandle file, uint64_t offset, size_t size, char fill, bool durable = false) {
    AlignedBuffer buffer(size);
    std::fill_n(buffer.data(), size, static_cast<std::byte>(fill));
    return write_fully(disk(), file, offset, buffer.span(), durable);
  }
  void write(FileHandle file, uint64_t offset, size_t size, char fill, bool durable = false) {
    const Status status = try_write(file, offset, size, fill, durable);
    EXPECT_TRUE(status.ok()) << status.error().describe();
  }
  void sync(FileHandle file) { EXPECT_TRUE(sync_file(disk(), file).ok()); }
  Result<std::string> try_read(FileHandle file, uint64_t offset, size_t size) {
    AlignedBuffer buffer(size);
    DiskOp op;
    op.kind = DiskOp::Kind::kRead;
    op.file = file;
    op.offset = offset;
    op.read_into = buffer.span();
    TRY_ASSIGN(const uint64_t count, disk().wait(op));
    return std::string(as_view(buffer.span().first(count)));
  }
  std::string read(FileHandle file, uint64_t offset, size_t size) {
    Result<std::string> bytes = try_read(file, offset, size);
    EXPECT_TRUE(bytes.ok()) << bytes.error().describe();
    return bytes.ok() ? *bytes : "";
  }
  void restart() {
    if (node_.running()) node_.power_cut();
    node_.start();
  }

  SimWorld world_;
  SimProcess& node_;
};

}  // namespace revd

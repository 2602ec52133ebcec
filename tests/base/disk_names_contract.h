// The second half of the Disk contract: names, directories, locks, errors. Included by
// disk_contract.h.
#pragma once

#include "tests/base/disk_contract.h"

namespace revd {

class DiskNamesContract : public DiskContract {
 protected:
  // The error has this code and its text names the path.
  template <typename T>
  void expect_error(const Result<T>& result, ErrorCode code, const std::string& name) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), code) << result.error().describe();
    EXPECT_NE(result.error().text().find(path(name)), std::string::npos) << result.error().text();
  }
  void make_file(const std::string& name, int fill) {
    const FileHandle file = open_new(name);
    write(file, 0, kBlock, fill);
    close(file);
  }
  std::string read_all(const std::string& name) {
    Result<OpenedFile> opened = open_file(disk(), path(name), {.read_only = true});
    EXPECT_TRUE(opened.ok()) << opened.error().describe();
    if (!opened.ok()) return "";
    std::string text = read(opened->file, 0, 64 * kBlock);
    close(opened->file);
    return text;
  }
  std::vector<std::string> list() {
    Result<std::vector<std::string>> names = list_directory(disk(), directory());
    EXPECT_TRUE(names.ok()) << names.error().describe();
    return names.ok() ? *names : std::vector<std::string>{};
  }
  Result<uint64_t> lock(FileHandle file) { return wait_for(DiskOp::Kind::kLock, file); }
};

TEST_P(DiskNamesContract, OpenOfAMissingFileIsNotFound) {
  expect_error(open_file(disk(), path("missing"), {}), ErrorCode::kNotFound, "missing");
  expect_error(open_file(disk(), path("no/dir"), {.create = true}), ErrorCode::kNotFound, "no/dir");
}

TEST_P(DiskNamesContract, ExclusiveCreateRefusesAnExistingFile) {
  Result<OpenedFile> first = open_file(disk(), path("a"), {.create = true, .exclusive = true});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->size, 0U);
  expect_error(open_file(disk(), path("a"), {.create = true, .exclusive = true}), ErrorCode::kAlreadyExists,
               "a");
  close(first->file);
  EXPECT_TRUE(open_file(disk(), path("a"), {.create = true}).ok()) << "create alone opens what exists";
}

TEST_P(DiskNamesContract, RenameReplaces) {
  make_file("a", 1);
  make_file("b", 2);
  ASSERT_TRUE(rename_file(disk(), path("a"), path("b")).ok());
  EXPECT_EQ(list(), std::vector<std::string>{"b"});
  EXPECT_EQ(read_all("b"), bytes(kBlock, 1));
  ASSERT_TRUE(sync_directory(disk(), directory()).ok());
}

TEST_P(DiskNamesContract, RenameOfAMissingFileIsNotFound) {
  expect_error(rename_file(disk(), path("missing"), path("b")), ErrorCode::kNotFound, "missing");
}

TEST_P(DiskNamesContract, AnOpenFileSurvivesItsName) {
  const FileHandle file = open_new("a");
  write(file, 0, kBlock, 3);
  ASSERT_TRUE(rename_file(disk(), path("a"), path("b")).ok());
  write(file, kBlock, kBlock, 4);
  EXPECT_EQ(read_all("b"), bytes(kBlock, 3) + bytes(kBlock, 4));
  ASSERT_TRUE(remove_file(disk(), path("b")).ok());
  EXPECT_EQ(read(file, 0, 4 * kBlock), bytes(kBlock, 3) + bytes(kBlock, 4));
  close(file);
  EXPECT_TRUE(list().empty());
}

TEST_P(DiskNamesContract, RemoveOfAMissingFileIsNotFound) {
  expect_error(remove_file(disk(), path("missing")), ErrorCode::kNotFound, "missing");
}

TEST_P(DiskNamesContract, DirectoriesAreMadeOnceAndListedSorted) {
  ASSERT_TRUE(make_directory(disk(), path("sub")).ok());
  EXPECT_TRUE(make_directory(disk(), path("sub")).ok());
  for (const char* name : {"b", "a", "c", "sub/x"}) make_file(name, 1);
  EXPECT_EQ(list(), (std::vector<std::string>{"a", "b", "c", "sub"}));
  Result<std::vector<std::string>> inner = list_directory(disk(), path("sub"));
  ASSERT_TRUE(inner.ok());
  EXPECT_EQ(*inner, std::vector<std::string>{"x"});
  ASSERT_TRUE(sync_directory(disk(), path("sub")).ok());
}

TEST_P(DiskNamesContract, MissingDirectoriesAreNotFound) {
  expect_error(make_directory(disk(), path("no/dir")), ErrorCode::kNotFound, "no/dir");
  expect_error(list_directory(disk(), path("missing")), ErrorCode::kNotFound, "missing");
  expect_error(sync_directory(disk(), path("missing")), ErrorCode::kNotFound, "missing");
}

TEST_P(DiskNamesContract, ALockIsHeldOnce) {
  const FileHandle first = open_new("lock");
  const FileHandle second = open_new("lock");
  ASSERT_TRUE(lock(first).ok());
  expect_error(lock(second), ErrorCode::kFailedPrecondition, "lock");
  close(first);
  EXPECT_TRUE(lock(second).ok()) << "closing a file gives its lock back";
  close(second);
}

TEST_P(DiskNamesContract, AFailedOperationReportsThroughOnDoneToo) {
  DiskOp op;
  op.kind = DiskOp::Kind::kRemove;
  op.path = path("missing");
  bool done = false;
  op.on_done = [&] { done = true; };
  disk().submit(op);
  EXPECT_FALSE(done);
  ASSERT_TRUE(run_until([&] { return done; }));
  expect_error(op.result, ErrorCode::kNotFound, "missing");
}

}  // namespace revd

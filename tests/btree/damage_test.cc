// Each byte of a small page file flipped in turn: right data, or an error; never wrong data, never a crash.
#include "tests/btree/page_file_fixture.h"

namespace revd::btree {
namespace {

class FlippedByte : public ::testing::Test {
 protected:
  FlippedByte() : f_(5) {
    f_.create();
    a_ = f_.tree("a");
    b_ = f_.tree("b", 16384);
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 60; ++i) {
        std::string noise(70, '\0');
        f_.world.random().fill(std::as_writable_bytes(std::span(noise)));
        f_.put(i % 3 == 0 ? b_ : a_, "key" + std::to_string(i + round), noise);
      }
      f_.put(a_, "long", std::string(20000, static_cast<char>('0' + round)));
      f_.put(a_, std::string(1500, 'k'), "of a long key");
      models_[before_last_] = models_[last_];
      CHECK(f_.checkpoint().ok());
      models_[last_] = f_.model;
    }
    newest_ = f_.file->superblock().sequence;
    f_.close();
    pristine_ = f_.process->medium();
    bytes_ = pristine_.read(PageFileFixture::kPath);
  }

  // True if it was noticed (an error somewhere, or a fallback).
  bool look(uint64_t at, bool go_on) {
    auto medium = std::make_shared<SimMedium>(pristine_);
    medium->flip(PageFileFixture::kPath, at, std::byte{0x41});
    SimWorld world(1);
    SimProcess& process = world.add_process("n2", medium);
    auto file = PageFile::open(process.env(), PageFileFixture::kPath, PageFileFixture::small_options());
    if (!file.ok()) {
      EXPECT_EQ(file.error().code(), ErrorCode::kDataLoss) << at;
      return true;
    }
    const bool newest = (*file)->superblock().sequence == newest_;
    bool noticed = !newest;
    const Trees& model = models_[newest ? last_ : before_last_];
    Snapshot snapshot = (*file)->snapshot();
    for (const TreeId id : {a_, b_}) noticed = scan(snapshot, id, model[id.value() - 1], at) || noticed;
    if (go_on) noticed = change(**file, process, at) || noticed;
    return noticed;
  }

  bool scan(Snapshot& snapshot, TreeId id, const Tree& model, uint64_t at) {
    auto cursor = snapshot.cursor(id);
    if (!cursor.ok()) return true;
    auto expected = model.begin();
    Status status = cursor->seek_first();
    for (; status.ok() && cursor->valid(); status = cursor->next(), ++expected) {
      if (expected == model.end() || cursor->key() != expected->first) {
        ADD_FAILURE() << "wrong key after a flip at " << at;
        return true;
      }
      const auto value = cursor->value();
      if (value.ok() && *value != expected->second) ADD_FAILURE() << "wrong value after a flip at " << at;
      if (!value.ok()) status = value.error();
      if (!status.ok()) break;
    }
    if (status.ok() && expected != model.end()) ADD_FAILURE() << "keys missing after a flip at " << at;
    if (!status.ok()) {
      EXPECT_EQ(status.error().code(), ErrorCode::kDataLoss) << at;
    }
    return !status.ok();
  }

  // Writing needs the space map, and the pages on the way; what can be written must read back.
  bool change(PageFile& file, SimProcess& process, uint64_t at) {
    {
      WriteTxn txn = file.begin_write();
      if (!txn.put(b_, "key3", "new").ok()) return true;
      txn.commit({});
    }
    bool ended = false;
    Status status;
    file.checkpoint({}, [&](Status s) {
      status = std::move(s);
      ended = true;
    });
    process.executor().run_until([&] { return ended; });
    if (!status.ok()) {
      EXPECT_EQ(status.error().code(), ErrorCode::kDataLoss) << at << status.error().describe();
      return true;
    }
    std::string value;
    const auto got = file.snapshot().get(b_, "key3", value);
    EXPECT_TRUE(got.ok() && *got && value == "new") << at;
    return !file.verify().ok();
  }

  PageFileFixture f_;
  TreeId a_;
  TreeId b_;
  static constexpr int last_ = 1;
  static constexpr int before_last_ = 0;
  std::map<int, Trees> models_;
  CheckpointId newest_;
  SimMedium pristine_;
  std::string bytes_;
};

TEST_F(FlippedByte, NeverGivesWrongData) {
  uint64_t flips = 0;
  uint64_t noticed = 0;
  for (uint64_t sector = 0; sector * 512 < bytes_.size(); ++sector) {
    const std::string_view bytes = std::string_view(bytes_).substr(sector * 512, 512);
    const bool written = bytes.find_first_not_of('\0') != std::string_view::npos;
    const bool superblock = sector < 16 || (sector >= 2048 && sector < 2064);
    // Sectors that were never written hold nothing: one byte of each stands for all. Superblocks have a test
    // of their own for every byte.
    const uint64_t step = !written ? 512 : superblock ? 16 : 1;
    for (uint64_t i = 0; i < 512; i += step, ++flips) noticed += look(sector * 512 + i, flips % 16 == 0);
  }
  EXPECT_GT(flips, 30000u);
  EXPECT_GT(noticed, 5000u);
}

}  // namespace
}  // namespace revd::btree

// Power cuts and kills at random I/Os under load: nothing acknowledged is lost, nothing is half there; and
// everything is a function of the seed.
#include <map>

#include "tests/server/node/node_fixture.h"

namespace revd {
namespace {

// Pairs of keys are always written together, with the same value: a number that grows.
class CrashStory {
 public:
  explicit CrashStory(uint64_t seed) : random_(seed), server_(random_.next()) {}

  void run(int lives) {
    for (int life = 0; life < lives && !::testing::Test::HasFatalFailure(); ++life) {
      SCOPED_TRACE(str_cat("life ", life));
      plan_the_end(life);
      live();
      end();
    }
    server_.process.disk().crash_after(0);
    open_and_check();
    ASSERT_TRUE(server_.close().ok());
  }
  uint64_t acknowledged() const { return acknowledged_total_; }
  uint64_t event_hash() const { return server_.world.event_hash(); }

 private:
  struct InFlight {
    uint64_t pair;
    uint64_t value;
    std::shared_ptr<InProcessCall> call;
  };

  void plan_the_end(int life) {
    SimDisk& disk = server_.process.disk();
    const bool cut = random_.chance(3, 4);
    // Early ones hit the opening itself.
    disk.crash_after(cut ? disk.io_points() + random_.between(1, life % 3 == 0 ? 40 : 400) : 0);
  }

  void live() {
    if (!open_and_check()) return;
    for (int step = 0; step < 150 && server_.process.running(); ++step) {
      if (in_flight_.size() < 8) write();
      if (random_.chance(1, 4)) server_.world.run_for(std::chrono::microseconds(random_.between(1, 2000)));
      take_answers();
    }
  }

  // False if the power went meanwhile.
  bool open_and_check() {
    const Status opened = server_.open();
    if (!server_.process.running()) return false;
    EXPECT_TRUE(opened.ok()) << opened.error().describe();
    if (!opened.ok()) return false;
    for (uint64_t pair = 0; pair < kPairs; ++pair) {
      const std::string left = server_.get(str_cat("left/", pair));
      const std::string right = server_.get(str_cat("right/", pair));
      if (!server_.process.running()) return false;
      EXPECT_EQ(left, right);
      const uint64_t found = left == "(none)" ? 0 : std::stoull(left);
      EXPECT_GE(found, acknowledged_[pair]) << "an acknowledged write of pair " << pair << " is lost";
      EXPECT_LE(found, last_value_);
      acknowledged_[pair] = found;  // once read, it stays
    }
    return true;
  }

  void write() {
    const uint64_t pair = random_.below(kPairs);
    const uint64_t value = ++last_value_;
    TxnRequest txn;
    txn.success.push_back({PutRequest{.key = str_cat("left/", pair), .value = str_cat(value)}});
    txn.success.push_back({PutRequest{.key = str_cat("right/", pair), .value = str_cat(value)}});
    in_flight_.push_back({pair, value, server_.start(txn)});
  }

  void take_answers() {
    std::erase_if(in_flight_, [this](const InFlight& one) {
      if (!one.call->finished) return false;
      if (!one.call->answers.empty() && one.call->answers[0].outcome.ok()) {
        acknowledged_[one.pair] = std::max(acknowledged_[one.pair], one.value);
        ++acknowledged_total_;
      }
      return true;
    });
  }

  void end() {
    take_answers();
    in_flight_.clear();
    if (!server_.process.running())
      server_.restart_process();
    else if (random_.chance(1, 2))
      server_.kill();
    else
      server_.power_cut();
  }

  static constexpr uint64_t kPairs = 6;
  Random random_;
  SimServer server_;
  std::vector<InFlight> in_flight_;
  std::map<uint64_t, uint64_t> acknowledged_;
  uint64_t acknowledged_total_ = 0;
  uint64_t last_value_ = 0;
};

TEST(NodeCrash, AcknowledgedWritesSurviveCutsAtRandomIos) {
  uint64_t acknowledged = 0;
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(str_cat("seed ", seed));
    CrashStory story(seed);
    story.run(8);
    acknowledged += story.acknowledged();
  }
  EXPECT_GT(acknowledged, 1000U);
}

TEST(NodeCrash, TheSameSeedGivesTheSameEvents) {
  CrashStory first(99);
  first.run(5);
  CrashStory second(99);
  second.run(5);
  CrashStory other(100);
  other.run(5);
  EXPECT_EQ(first.event_hash(), second.event_hash());
  EXPECT_NE(first.event_hash(), other.event_hash());
}

}  // namespace
}  // namespace revd

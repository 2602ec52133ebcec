// The real node, real protocol bytes and the client library on simulated disk, network and clock, with kills
// and power cuts: nothing acknowledged is lost, a watch misses and doubles nothing, and a seed decides
// everything.
#include <map>

#include "server/client/blocking_client.h"
#include "server/door/door.h"
#include "tests/server/node/node_fixture.h"

namespace revd {
namespace {

class WholePath {
 public:
  explicit WholePath(uint64_t seed) : random_(seed), server_(random_.next()) {
    client_host_ = &server_.world.add_process("client");
    ClientOptions options;
    options.endpoints = {{"n1", 7480}};
    options.call_timeout_ms = 600'000;
    options.ping_interval_ms = 100;  // notices a machine without power soon
    client_ = std::make_unique<Client>(client_host_->env(), options);
    WatchHandlers handlers;
    handlers.events = [this](const std::vector<Event>& events) {
      for (const Event& event : events) watched_.push_back(event.kv.mod_revision);
    };
    handlers.ended = [this](const Error& error) { watch_end_ = error.describe(); };
    watch_ = std::make_unique<Watch>(
        *client_, WatchCreateRequest{.key = "k", .range_end = "l", .start_revision = 1}, handlers);
  }
  ~WholePath() {
    watch_.reset();
    client_.reset();
    door_.reset();
  }

  void run(int lives) {
    for (int life = 0; life < lives; ++life) {
      SCOPED_TRACE(str_cat("life ", life));
      server_.process.disk().crash_after(random_.chance(1, 2) ? random_.between(200, 1500) : 0);
      if (open()) load();
      end();
    }
    ASSERT_TRUE(open());
    server_.world.run_until([this] { return in_flight_ == 0; });
    ASSERT_EQ(in_flight_, 0U);
    check();
  }
  uint64_t event_hash() const { return server_.world.event_hash(); }
  uint64_t acknowledged() const { return acknowledged_; }

 private:
  bool open() {
    const Status opened = server_.open();
    if (!server_.process.running()) return false;
    EXPECT_TRUE(opened.ok()) << opened.error().describe();
    door_ = std::make_unique<Door>(server_.process.env(), server_.service(), DoorSettings{},
                                   DoorIdentity{"test", server_.node().cluster(), server_.node().member()});
    EXPECT_TRUE(door_->listen({"0.0.0.0", 7480}).ok());
    return true;
  }
  void load() {
    for (int step = 0; step < 120 && server_.process.running(); ++step) {
      if (in_flight_ < 16) put();
      server_.world.run_for(std::chrono::microseconds(random_.between(50, 2000)));
    }
  }
  void put() {
    const std::string key = str_cat("k", random_.below(20));
    const std::string value = str_cat(++last_value_);
    ++in_flight_;
    client_->call(PutRequest{.key = key, .value = value}, {},
                  [this, key, value](const Result<PutResponse>& done, const AnswerHeader&) {
                    --in_flight_;
                    if (!done.ok()) return;
                    ++acknowledged_;
                    by_revision_[done->revision] = {key, value};
                  });
  }
  void end() {
    const bool cut = !server_.process.running();
    door_.reset();
    if (cut)
      server_.restart_process();
    else if (random_.chance(1, 2))
      server_.kill();
    else
      server_.power_cut();
  }
  // Each acknowledged put is at its own revision, and the watch saw every revision once.
  void check() {
    const int64_t current = server_.node().store().current_revision();
    EXPECT_EQ(static_cast<size_t>(current - 1), last_value_) << "a session applies each put once";
    for (const auto& [revision, pair] : by_revision_)
      ASSERT_EQ(server_.get(pair.first, revision), pair.second);
    server_.world.run_until(
        [&] { return !watch_end_.empty() || (!watched_.empty() && watched_.back() == current); });
    EXPECT_EQ(watch_end_, "");
    std::vector<int64_t> all;
    for (int64_t revision = 2; revision <= current; ++revision) all.push_back(revision);
    EXPECT_EQ(watched_, all);
  }

  Random random_;
  SimServer server_;
  SimProcess* client_host_ = nullptr;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Watch> watch_;
  std::unique_ptr<Door> door_;
  size_t in_flight_ = 0;
  uint64_t last_value_ = 0;
  uint64_t acknowledged_ = 0;
  std::map<int64_t, std::pair<std::string, std::string>> by_revision_;
  std::vector<int64_t> watched_;
  std::string watch_end_;
};

TEST(WholePath, NothingAcknowledgedIsLostAndWatchesHaveNoGap) {
  uint64_t acknowledged = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(str_cat("seed ", seed));
    WholePath path(seed);
    path.run(5);
    acknowledged += path.acknowledged();
  }
  EXPECT_GT(acknowledged, 1000U);
}

TEST(WholePath, TheSameSeedGivesTheSameEvents) {
  WholePath first(5);
  first.run(3);
  WholePath second(5);
  second.run(3);
  WholePath other(6);
  other.run(3);
  EXPECT_EQ(first.event_hash(), second.event_hash());
  EXPECT_NE(first.event_hash(), other.event_hash());
}

}  // namespace
}  // namespace revd

// A KvEngine or Backend on a simulated machine, for tests that read like a story.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "engine/kv_engine.h"
#include "tests/sim/world.h"

namespace revd {

class EngineTest : public ::testing::Test {
 protected:
  EngineTest()
      : world_(1), medium_(std::make_shared<SimMedium>()), process_(world_.add_process("n1", medium_)) {
    medium_->make_directory("/node");
    config_.data_dir = "/node/data";
    config_.cache_size_mb = 8;
    config_.flush_interval_ms = 3'600'000;  // checkpoints only where a test asks for one
    config_.wal_segment_bytes = 256 << 10;
    config_.checkpoint_log_bytes = uint64_t{1} << 30;
    config_.grow_bytes_min = 64 << 10;
  }
  void TearDown() override { engine_.reset(); }

  Status open() {
    auto engine = KvEngine::open(process_.env(), config_);
    if (!engine.ok()) return std::move(engine).error();
    engine_ = std::move(engine).value();
    return {};
  }
  // Without a last checkpoint, as after kill -9.
  void kill_and_restart() {
    process_.kill();
    engine_.reset();
    process_.start();
  }
  void write(std::string_view tree, std::string_view key, std::string_view value) {
    WriteBatch batch;
    batch.put(tree, key, value);
    ASSERT_TRUE(write(batch).ok());
  }
  Status write(const WriteBatch& batch) {
    std::optional<Status> done;
    TRY(engine_->write(batch, [&done](const Status& status) { done = status; }));
    if (!world_.run_until([&done] { return done.has_value(); }))
      return Error(ErrorCode::kInternal, "never answered");
    return std::move(*done);
  }
  std::string get(std::string_view tree, std::string_view key) {
    auto value = engine_->get(tree, key);
    if (!value.ok()) return value.error().describe();
    return value->value_or("(none)");
  }
  Status checkpoint() {
    std::optional<Status> done;
    engine_->backend().checkpoint([&done](const Status& status) { done = status; });
    if (!world_.run_until([&done] { return done.has_value(); }))
      return Error(ErrorCode::kInternal, "never answered");
    return std::move(*done);
  }

  SimWorld world_;
  std::shared_ptr<SimMedium> medium_;
  SimProcess& process_;
  BackendConfig config_;
  std::unique_ptr<KvEngine> engine_;
};

}  // namespace revd

// A node with its services on a simulated machine, called through the in-process door.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/strings.h"
#include "mvcc/command/errors.h"
#include "server/node/node.h"
#include "server/services/node_service.h"
#include "tests/server/in_process_door.h"
#include "tests/sim/world.h"

namespace revd {

inline NodeSettings small_node_settings() {
  NodeSettings settings;
  settings.backend.data_dir = "/node/data";
  settings.backend.cache_size_mb = 8;
  settings.backend.flush_interval_ms = 50;
  settings.backend.wal_segment_bytes = 256 << 10;
  settings.backend.checkpoint_log_bytes = 256 << 10;
  settings.backend.grow_bytes_min = 64 << 10;
  settings.backend.cluster_id = ClusterId(7);
  settings.compactor.mode = CompactionMode::kOff;
  return settings;
}

// One machine, and one life of the server on it after the other.
class SimServer {
 public:
  explicit SimServer(uint64_t seed, NodeSettings settings = small_node_settings())
      : world(seed), settings_(std::move(settings)), process(world.add_process("n1")) {
    process.medium().make_directory("/node");
  }
  ~SimServer() { forget(); }

  Status open() {
    TRY_ASSIGN(node_, Node::open(process.env(), settings_, [this](const Error& e) { failure = e; }));
    service_ = std::make_unique<NodeService>(*node_, "test");
    door_ = std::make_unique<InProcessDoor>(process.env().executor, *service_);
    return {};
  }
  Status close() {
    service_.reset();
    Status closed = node_->close();
    forget();
    return closed;
  }
  void power_cut() {
    process.power_cut();
    restart_process();
  }
  void kill() {
    process.kill();
    restart_process();
  }
  // After a power cut that the disk did by itself.
  void restart_process() {
    forget();
    process.start();
  }

  std::shared_ptr<InProcessCall> start(Request request, SessionStamp stamp = {}) {
    return door_->start(std::move(request), stamp);
  }
  // The only answer.
  Result<Response> ask(Request request, SessionStamp stamp = {}) {
    const auto call = start(std::move(request), stamp);
    world.run_until([&] { return call->finished || !process.running(); });
    if (!call->finished || call->answers.empty()) return Error(ErrorCode::kInternal, "no answer");
    last_header = call->answers.back().header;
    return std::move(call->answers.back().outcome);
  }
  template <typename T>
  Result<T> ask_for(Request request, SessionStamp stamp = {}) {
    TRY_ASSIGN(Response response, ask(std::move(request), stamp));
    return std::get<T>(std::move(response));
  }
  Result<int64_t> put(const std::string& key, const std::string& value, LeaseId lease = {}) {
    TRY_ASSIGN(const PutResponse put,
               ask_for<PutResponse>(PutRequest{.key = key, .value = value, .lease = lease}));
    return put.revision;
  }
  std::string get(const std::string& key, int64_t revision = 0) {
    const auto range = ask_for<RangeResponse>(RangeRequest{.key = key, .revision = revision});
    if (!range.ok()) return range.error().text();
    return range->kvs.empty() ? "(none)" : range->kvs[0].value;
  }
  Node& node() { return *node_; }
  NodeService& service() { return *service_; }
  InProcessDoor another_caller(uint64_t id) {
    return InProcessDoor(process.env().executor, *service_, CallerId(id));
  }

  SimWorld world;
  AnswerHeader last_header;
  std::optional<Error> failure;

 private:
  void forget() {
    door_.reset();
    service_.reset();
    node_.reset();
  }
  NodeSettings settings_;

 public:
  SimProcess& process;

 private:
  std::unique_ptr<Node> node_;
  std::unique_ptr<NodeService> service_;
  std::unique_ptr<InProcessDoor> door_;
};

class NodeTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server.open().ok()); }
  SimServer server{1};
};

}  // namespace revd

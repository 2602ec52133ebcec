// Clients and doors over fake stores on simulated hosts.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "server/client/blocking_client.h"
#include "server/door/door.h"
#include "tests/server/fake_store.h"
#include "tests/sim/world.h"

namespace revd {

class ClientFixture : public ::testing::Test {
 protected:
  explicit ClientFixture(uint64_t seed = 1) : world(seed) {}
  void SetUp() override { open(); }
  void open() {
    door.reset();
    door = std::make_unique<Door>(server.env(), store, settings,
                                  DoorIdentity{"0.1.0", ClusterId(77), NodeId(1)});
    ASSERT_TRUE(door->listen({"0.0.0.0", 7480}).ok());
  }
  static ClientOptions options() {
    ClientOptions options;
    options.endpoints = {{"server", 7480}};
    return options;
  }
  static PutRequest put(std::string key, std::string value = "v") {
    PutRequest request;
    request.key = std::move(key);
    request.value = std::move(value);
    return request;
  }
  static RangeRequest all() {
    RangeRequest request;
    request.key = request.range_end = std::string(1, '\0');
    return request;
  }
  bool until(const std::function<bool()>& done) { return world.run_until(done, 5'000'000); }
  void wait_ms(int64_t ms) { world.run_for(std::chrono::milliseconds(ms)); }

  SimWorld world;
  SimProcess& server = world.add_process("server");
  SimProcess& host = world.add_process("client");
  FakeStore store;
  DoorSettings settings;
  std::unique_ptr<Door> door;
};

}  // namespace revd

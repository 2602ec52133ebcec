// A door over a fake service on one simulated host, and raw clients on others.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "server/door/door.h"
#include "tests/server/fake_service.h"
#include "tests/server/raw_client.h"
#include "tests/sim/world.h"

namespace revd {

class DoorFixture : public ::testing::Test {
 protected:
  void SetUp() override { open(); }

  // (Re)opens the door with `settings`.
  void open() {
    door.reset();
    door = std::make_unique<Door>(server.env(), service, settings,
                                  DoorIdentity{"0.1.0", ClusterId(77), NodeId(1)});
    ASSERT_TRUE(door->listen({"0.0.0.0", 7480}).ok());
  }
  std::unique_ptr<RawClient> connect() {
    return std::make_unique<RawClient>(client_host.env(), Address{"server", 7480});
  }
  std::unique_ptr<RawClient> greet() {
    auto client = connect();
    client->hello();
    EXPECT_TRUE(until([&] { return client->welcome.has_value(); }));
    return client;
  }
  bool until(const std::function<bool()>& done) { return world.run_until(done, 2'000'000); }
  void wait_ms(int64_t ms) { world.run_for(std::chrono::milliseconds(ms)); }
  // A put through `client` is answered: the door is alive.
  void expect_served(RawClient& client, uint64_t id = 900'000) {
    client.put(id, "probe");
    ASSERT_TRUE(until([&] { return client.answer(id) != nullptr; }));
    EXPECT_TRUE(client.answer(id)->outcome.ok());
  }

  SimWorld world{1};
  SimProcess& server = world.add_process("server");
  SimProcess& client_host = world.add_process("client");
  FakeService service;
  DoorSettings settings;
  std::unique_ptr<Door> door;
};

}  // namespace revd

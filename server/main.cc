// revd: the server program. Settings, one node, its door; ends on SIGTERM or when its storage fails.
//
// Exit codes: 0 after SIGTERM or SIGINT, 1 when it could not start or its storage failed, 2 for wrong
// settings.
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "base/linux/linux_env.h"
#include "base/linux/signals.h"
#include "base/linux/system_facts.h"
#include "base/strings.h"
#include "server/door/door.h"
#include "server/logger.h"
#include "server/node/node.h"
#include "server/services/node_service.h"
#include "server/settings.h"

namespace revd {
namespace {

int complain(const Error& error, int exit_code) {
  std::fprintf(stderr, "revd: %s\n", error.text().c_str());
  return exit_code;
}

void print_ready(const Door& door, Node& node) {
  std::string addresses;
  for (const Address& address : door.addresses())
    addresses += str_cat(addresses.empty() ? "" : ",", address.to_string());
  const int64_t recovery_ms = node.statistics().recovery / std::chrono::milliseconds(1);
  std::printf("revd ready: clients=%s data_dir=%s revision=%lld recovery_ms=%lld entries_replayed=%llu\n",
              addresses.c_str(), node.settings().backend.data_dir.c_str(),
              static_cast<long long>(node.store().current_revision()), static_cast<long long>(recovery_ms),
              static_cast<unsigned long long>(node.statistics().entries_replayed));
  std::fflush(stdout);
}

// Answers what is in flight; a second signal makes it quicker.
void drain(Env& env, Door& door, const std::optional<Error>& failure) {
  const auto drained = std::make_shared<bool>(false);
  door.drain([drained] { *drained = true; });
  env.executor.run_until([&] { return *drained || failure.has_value(); });
}

int serve(const ServerSettings& settings, const std::string& version, Logger& logger) {
  const LinuxEnvOptions options{
      .disk = settings.disk, .logger = &logger, .worker_count = settings.worker_count};
  auto system = LinuxEnv::create(options);
  if (!system.ok()) return complain(system.error(), 1);
  StopOnSignals signals(**system);
  Env env = (*system)->env();
  if (const auto files = raise_open_file_limit(); !files.ok())
    logger.warning("server", "open files are limited", {{"reason", files.error().text()}});

  std::optional<Error> failure;
  auto node = Node::open(env, settings.node, [&failure](const Error& error) { failure = error; });
  if (!node.ok()) return complain(node.error(), 1);
  {
    NodeService service(**node, version);
    const DoorIdentity identity{
        .version = version, .cluster = (*node)->cluster(), .member = (*node)->member()};
    Door door(env, service, settings.door, identity);
    if (const Status listening = door.listen(settings.listen_client); !listening.ok())
      return complain(listening.error(), 1);
    print_ready(door, **node);
    env.executor.run_until([&failure] { return failure.has_value(); });
    if (!failure) {
      logger.info("server", "stopping");
      drain(env, door, failure);
    }
  }
  const Status closed = failure ? Status(*failure) : (*node)->close();
  if (!closed.ok()) return complain(closed.error(), 1);
  logger.info("server", "stopped", {{"revision", str_cat((*node)->store().current_revision())}});
  return 0;
}

int run(int argc, const char* const* argv) {
  const std::string version = REVD_VERSION;
  auto line = parse_command_line(argc, argv, version);
  if (!line.ok()) return complain(line.error(), 2);
  if (!line->print.empty()) {
    std::fputs(line->print.c_str(), stdout);
    return 0;
  }
  if (line->check_config) {
    std::puts("settings are fine");
    return 0;
  }
  ServerLogger logger(line->settings.log);
  return serve(line->settings, version, logger);
}

}  // namespace
}  // namespace revd

int main(int argc, char** argv) { return revd::run(argc, argv); }

// ServerSettings: everything an operator chooses about `revd`, and how it is read.
//
// Flags win over the environment (REVD_..., the flag's name in capitals), which wins over one TOML file (the
// flag's name with underscores), which wins over the defaults. Every value is checked, wherever it comes
// from. Errors: kInvalidArgument, in one line: flag, value, what is allowed. Units are in the names: _ms,
// _bytes, _mb (MiB).
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "base/linux/linux_env.h"
#include "base/network.h"
#include "server/door/settings.h"
#include "server/node/settings.h"

namespace revd {

struct LogSettings {
  LogLevel level = LogLevel::kInfo;
  std::map<std::string, LogLevel, std::less<>> by_part;  // "raft=debug"
  bool json = false;
};

struct ServerSettings {
  NodeSettings node;
  DoorSettings door;
  Address listen_client{"127.0.0.1", 7480};
  bool insecure = false;
  DiskChoice disk = DiskChoice::kAuto;
  size_t worker_count = 2;
  LogSettings log;
};

struct CommandLine {
  ServerSettings settings;
  bool check_config = false;
  std::string print;  // --help, --version: print it and end
};

Result<CommandLine> parse_command_line(int argc, const char* const* argv, const std::string& version);

// "info,raft=debug": the level of everything, then of single parts.
Status parse_log_levels(std::string_view text, LogSettings& log);

}  // namespace revd

#include "server/settings.h"

#include <toml++/toml.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "base/strings.h"

namespace revd {

namespace {

Error not_allowed(std::string_view flag, std::string_view value, std::string_view allowed) {
  return Error(ErrorCode::kInvalidArgument,
               str_cat(flag, " is \"", escape_bytes(value), "\"; allowed: ", allowed));
}

// One setting: its flag, and how a text becomes its value.
struct Row {
  std::string flag;
  std::string group;
  std::string help;
  std::string shown_default;
  std::function<Status(std::string_view text)> set;
  CLI::Option* option = nullptr;
};

class Table {
 public:
  void group(std::string name) { group_ = std::move(name); }

  void text(const char* flag, std::string& target, const char* help) {
    add(flag, help, target, [&target](std::string_view value) -> Status {
      target = value;
      return {};
    });
  }
  // What `parse` makes of a text; its error says what is allowed.
  void parsed(const char* flag, std::string shown_default, const char* help,
              std::function<Status(std::string_view)> parse) {
    add(flag, help, std::move(shown_default), std::move(parse));
  }
  template <typename Int>
  void number(const char* flag, Int& target, std::type_identity_t<Int> low, std::type_identity_t<Int> high,
              const char* help) {
    add(flag, str_cat(help, " (", low, " to ", high, ")"), str_cat(target),
        [flag, &target, low, high](std::string_view value) -> Status {
          Int number{};
          const char* end = value.data() + value.size();
          const auto [stop, failure] = std::from_chars(value.data(), end, number);
          if (failure != std::errc{} || stop != end || number < low || number > high)
            return not_allowed(flag, value, str_cat(low, " to ", high));
          target = number;
          return {};
        });
  }
  void duration_ms(const char* flag, Duration& target, int64_t low, int64_t high, const char* help) {
    auto number = std::make_shared<int64_t>(target / std::chrono::milliseconds(1));
    this->number<int64_t>(flag, *number, low, high, help);
    rows_.back().set = [number, &target, set = rows_.back().set](std::string_view value) -> Status {
      TRY(set(value));
      target = std::chrono::milliseconds(*number);
      return {};
    };
  }
  void boolean(const char* flag, bool& target, const char* help) {
    add(flag, help, target ? "true" : "false", [flag, &target](std::string_view value) -> Status {
      if (value != "true" && value != "false") return not_allowed(flag, value, "true or false");
      target = value == "true";
      return {};
    });
  }

  std::vector<Row>& rows() { return rows_; }

 private:
  void add(const char* flag, std::string help, std::string shown_default,
           std::function<Status(std::string_view)> set) {
    rows_.push_back({flag, group_, std::move(help), std::move(shown_default), std::move(set)});
  }

  std::string group_;
  std::vector<Row> rows_;
};

constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint64_t kTiB = uint64_t{1} << 40;
constexpr uint32_t kHourMs = 3'600'000;
// An entry of the log has to fit into one of its batches.
constexpr uint32_t kRequestBytesMax = 1920 << 10;

void network_rows(Table& table, ServerSettings& s) {
  table.group("Network");
  table.parsed("--listen-client", s.listen_client.to_string(), "address for clients; port 0: any free one",
               [&s](std::string_view value) -> Status {
                 auto address = Address::parse(value);
                 if (!address.ok()) return not_allowed("--listen-client", value, "HOST:PORT");
                 s.listen_client = std::move(*address);
                 return {};
               });
  DoorSettings& door = s.door;
  table.number("--connections-max", door.connections_max, 1, 1'000'000, "open connections");
  table.number("--memory-bytes-max", door.memory_bytes_max, 1 << 20, kTiB,
               "memory of all connections; beyond it requests are refused");
  table.number("--requests-in-flight-max", door.requests_in_flight_max, 1, 1'000'000,
               "of a connection; beyond it nothing more is read from it");
  table.number("--bytes-in-flight-max", door.bytes_in_flight_max, 1, kTiB, "the same, in bytes");
  table.number("--answer-bytes-queued-max", door.answer_bytes_queued_max, 1, kTiB,
               "answers waiting for a connection");
  table.number("--streams-max", door.streams_max, 1, 10'000'000,
               "open watches and other streams of a connection");
  table.number("--handshake-timeout-ms", door.handshake_timeout_ms, 1, kHourMs, "for a client's first bytes");
  table.number("--idle-timeout-ms", door.idle_timeout_ms, 1, 24 * kHourMs, "without a frame from a client");
  table.number("--write-timeout-ms", door.write_timeout_ms, 1, kHourMs, "for a client to take an answer");
  table.number("--linger-timeout-ms", door.linger_timeout_ms, 1, kHourMs,
               "for a client to read why its connection ends");
  table.number("--drain-timeout-ms", door.drain_timeout_ms, 1, kHourMs, "for requests in flight at a stop");
  table.number("--slow-request-ms", door.slow_request_ms, 1, kHourMs, "slower requests are logged");
}

void limit_rows(Table& table, ServerSettings& s) {
  table.group("Limits");
  ProposerOptions& proposer = s.node.proposer;
  table.number("--request-bytes-max", s.door.request_bytes_max, 1024, kRequestBytesMax, "of one request");
  table.number("--txn-operations-max", proposer.limits.txn_operations_max, 1, 1'000'000,
               "in each list of a transaction");
  table.number("--quota-backend-bytes", proposer.quota_backend_bytes, 0, uint64_t{1} << 50,
               "of live data, after which puts are refused; 0: no quota");
  table.number("--lease-ttl-min-ms", proposer.lease_ttl_min_ms, 1, kHourMs,
               "shorter leases are lengthened to it");
  table.number("--session-ttl-min-ms", proposer.session_ttl_min_ms, 1, kHourMs, "the same for sessions");
  table.number("--session-window-max", proposer.session_window_max, 1, 65'536, "answers kept for a session");
  table.number("--unapplied-bytes-max", s.node.unapplied_bytes_max, 1 << 20, kTiB,
               "commands proposed and not yet applied; beyond it they are refused");
  table.number<size_t>("--expire-batch", s.node.expire_batch, 1, 4096, "leases ended by one command");
}

void storage_rows(Table& table, ServerSettings& s) {
  table.group("Storage");
  BackendConfig& backend = s.node.backend;
  table.number("--cache-size-mb", backend.cache_size_mb, 8, 1 << 20, "pages in memory, MiB");
  table.number("--flush-interval-ms", backend.flush_interval_ms, 10, kHourMs, "between checkpoints");
  table.boolean("--compression", backend.compression, "zstd for pages and long values");
  table.number("--checkpoint-log-bytes", backend.checkpoint_log_bytes, 64 << 10, kTiB,
               "a checkpoint also starts after so much log");
  table.number("--wal-segment-bytes", backend.wal_segment_bytes, 64 << 10, kGiB,
               "of one file of the log, a multiple of 4096");
  table.number("--wal-write-depth", backend.wal_write_depth, 1, 4, "log writes in flight at once");
  table.boolean("--wal-use-fdatasync", backend.wal_use_fdatasync, "instead of synchronous writes");
  table.number("--grow-bytes-min", backend.grow_bytes_min, 64 << 10, 64 * kGiB, "the page file grows by");
  table.number("--grow-bytes-max", backend.grow_bytes_max, 64 << 10, 64 * kGiB, "the page file grows by");
  table.number("--snapshot-age-ms-max", backend.snapshot_age_ms_max, 100, 24 * kHourMs,
               "older snapshots read no more");
  table.number("--snapshot-pinned-bytes-max", backend.snapshot_pinned_bytes_max, 1 << 20, kTiB,
               "pages kept for snapshots alone");
  table.parsed("--disk", "auto", "auto, io_uring or threads", [&s](std::string_view value) -> Status {
    auto choice = parse_disk_choice(value);
    if (!choice.ok()) return not_allowed("--disk", value, "auto, io_uring or threads");
    s.disk = *choice;
    return {};
  });
  table.number<size_t>("--worker-count", s.worker_count, 1, 256, "threads for what takes long");
}

void history_rows(Table& table, ServerSettings& s) {
  table.group("History and watches");
  CompactorOptions& compactor = s.node.compactor;
  table.parsed("--compaction-mode", std::string(compaction_mode_name(compactor.mode)),
               "off, periodic (keep the last time) or revision (keep the last revisions)",
               [&compactor](std::string_view value) -> Status {
                 const auto mode = parse_compaction_mode(value);
                 if (!mode.ok()) return not_allowed("--compaction-mode", value, "off, periodic or revision");
                 compactor.mode = *mode;
                 return {};
               });
  constexpr int64_t kYearMs = int64_t{365} * 24 * kHourMs;
  table.duration_ms("--compaction-period-ms", compactor.period, 100, kYearMs, "between two compactions");
  table.duration_ms("--compaction-keep-ms", compactor.keep_time, 0, kYearMs, "history kept by mode periodic");
  table.number("--compaction-keep-revisions", compactor.keep_revisions, 0,
               std::numeric_limits<int64_t>::max(), "history kept by mode revision");
  WatchOptions& watch = s.node.watch;
  table.number<size_t>("--watch-queue-bytes-max", watch.queue_bytes_max, 4096, kGiB,
                       "of a watch; beyond it it goes on from history");
  table.number<size_t>("--watch-history-bytes-max", watch.history_bytes_max, 4096, kGiB,
                       "history read ahead for a connection");
  table.number<size_t>("--watch-response-bytes-max", watch.response_bytes_max, 4096, kRequestBytesMax,
                       "of one message of a watch");
  table.duration_ms("--watch-progress-interval-ms", watch.progress_interval, 100, kYearMs,
                    "between signs of progress");
}

void other_rows(Table& table, ServerSettings& s, std::string& config_path) {
  table.group("General");
  table.text("--config", config_path, "TOML file; its keys are the flags' names with underscores");
  table.text("--data-dir", s.node.backend.data_dir, "data directory; its parent must exist");
  table.parsed("--member-id", "1", "of a new data directory (at least 1)",
               [&s](std::string_view value) -> Status {
                 uint64_t id = 0;
                 const auto [stop, failure] = std::from_chars(value.data(), value.data() + value.size(), id);
                 if (failure != std::errc{} || stop != value.data() + value.size() || id == 0)
                   return not_allowed("--member-id", value, "a number of at least 1");
                 s.node.backend.node_id = NodeId(id);
                 return {};
               });
  table.group("Log");
  table.parsed("--log-level", "info", "trace, debug, info, warning or error; single parts: info,raft=debug",
               [&s](std::string_view value) { return parse_log_levels(value, s.log); });
  table.parsed("--log-format", "text", "text or json", [&s](std::string_view value) -> Status {
    if (value != "text" && value != "json") return not_allowed("--log-format", value, "text or json");
    s.log.json = value == "json";
    return {};
  });
}

std::string environment_name(std::string_view flag) {
  std::string name = "REVD_";
  for (const char c : flag.substr(2)) name += c == '-' ? '_' : static_cast<char>(c - (c >= 'a' ? 32 : 0));
  return name;
}

std::string file_key(std::string_view flag) {
  std::string key;
  for (const char c : flag.substr(2)) key += c == '-' ? '_' : c;
  return key;
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Result<std::string> text_of(const std::string& path, std::string_view key, const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto number = node.value_exact<int64_t>()) return str_cat(*number);
  if (const auto flag = node.value_exact<bool>()) return std::string(*flag ? "true" : "false");
  return Error(ErrorCode::kInvalidArgument,
               str_cat(path, ": ", key, ": allowed are texts, whole numbers, true and false"));
}

// What neither flags nor environment have set.
Status read_file(const std::string& path, std::vector<Row>& rows) {
  toml::table file;
  try {
    file = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    return Error(ErrorCode::kInvalidArgument, str_cat("--config: ", path, ", line ",
                                                      error.source().begin.line, ": ", error.description()));
  }
  for (const auto& [key, node] : file) {
    const std::string_view name = key.str();
    const auto row = std::ranges::find_if(rows, [&](const Row& r) { return file_key(r.flag) == name; });
    if (row == rows.end() || row->flag == "--config")
      return Error(ErrorCode::kInvalidArgument, str_cat(path, ": ", escape_bytes(name), " is no setting"));
    TRY_ASSIGN(const std::string text, text_of(path, name, node));
    if (row->option->count() == 0) TRY(row->set(text));
  }
  return {};
}

Status check_all(ServerSettings& settings) {
  settings.node.proposer.limits.request_bytes_max = settings.door.request_bytes_max;
  if (!settings.insecure && !is_loopback(settings.listen_client.host)) {
    return not_allowed("--listen-client", settings.listen_client.to_string(),
                       "loopback addresses; any other one needs --insecure, since nothing is encrypted and "
                       "nobody has to say who they are");
  }
  TRY(check(settings.door));
  return settings.node.backend.validate();
}

}  // namespace

Status parse_log_levels(std::string_view text, LogSettings& log) {
  constexpr std::pair<std::string_view, LogLevel> kLevels[] = {{"trace", LogLevel::kTrace},
                                                               {"debug", LogLevel::kDebug},
                                                               {"info", LogLevel::kInfo},
                                                               {"warning", LogLevel::kWarning},
                                                               {"error", LogLevel::kError}};
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    const size_t equals = item.find('=');
    const std::string_view name = equals == std::string_view::npos ? item : item.substr(equals + 1);
    const auto level = std::ranges::find(kLevels, name, [](const auto& row) { return row.first; });
    if (level == std::end(kLevels) || equals == 0) {
      return not_allowed("--log-level", text,
                         "trace, debug, info, warning or error, and PART=LEVEL, separated by commas");
    }
    if (equals == std::string_view::npos)
      log.level = level->second;
    else
      log.by_part[std::string(item.substr(0, equals))] = level->second;
  }
  return {};
}

Result<CommandLine> parse_command_line(int argc, const char* const* argv, const std::string& version) {
  CommandLine line;
  std::string config_path;
  line.settings.node.backend.data_dir = "revd.data";
  line.settings.node.backend.cluster_id = ClusterId{};
  Table table;
  other_rows(table, line.settings, config_path);
  network_rows(table, line.settings);
  limit_rows(table, line.settings);
  storage_rows(table, line.settings);
  history_rows(table, line.settings);

  CLI::App app(
      "revd: a revision-keyed key-value store.\n"
      "Flags win over the environment (REVD_DATA_DIR, ...), which wins over the file of --config.");
  app.set_version_flag("--version", version);
  app.add_flag("--check-config", line.check_config, "check the settings, and end")->group("General");
  CLI::Option* insecure =
      app.add_flag("--insecure", line.settings.insecure, "allow clients from other machines, unencrypted")
          ->envname("REVD_INSECURE")
          ->group("Network");
  std::optional<Error> wrong;
  for (Row& row : table.rows()) {
    row.option = app.add_option_function<std::string>(
        row.flag,
        [&row, &wrong](const std::string& value) {
          if (Status set = row.set(value); !set.ok() && !wrong) wrong = set.error();
        },
        row.help);
    row.option->group(row.group)->envname(environment_name(row.flag))->default_str(row.shown_default);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    line.print = app.help();
    return line;
  } catch (const CLI::CallForVersion&) {
    line.print = version + "\n";
    return line;
  } catch (const CLI::ParseError& error) {
    return Error(ErrorCode::kInvalidArgument, error.what());
  }
  if (wrong) return *wrong;
  if (!config_path.empty()) {
    Row insecure_row{"--insecure", {}, {}, {}, {}, insecure};
    insecure_row.set = [&](std::string_view value) -> Status {
      if (value != "true" && value != "false") return not_allowed("--insecure", value, "true or false");
      line.settings.insecure = value == "true";
      return {};
    };
    table.rows().push_back(insecure_row);
    TRY(read_file(config_path, table.rows()));
  }
  TRY(check_all(line.settings));
  return line;
}

}  // namespace revd

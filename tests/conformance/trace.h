// Traces: recorded requests and the answers that a real etcd gave. Format: README.md.
//
// Plain values. Errors name the file and line; a file that can't be read is NotFound.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace revd {

struct TraceStep {
  int line = 0;  // in the file, from 1
  nlohmann::json op;
  nlohmann::json want;
};

struct Trace {
  std::string file;
  nlohmann::json description;
  std::vector<TraceStep> steps;
};

// `name` is what errors and reports call it.
Result<Trace> parse_trace(std::string name, std::string_view text);
Result<Trace> read_trace(const std::string& path);
// Every *.jsonl in `directory`, by name. An error if there is none.
Result<std::vector<std::string>> list_traces(const std::string& directory);

// Bytes in a trace are strings whose characters U+0000..U+00FF stand for one byte each.
Result<std::string> bytes_from_json(const nlohmann::json& text);
nlohmann::json bytes_to_json(std::string_view bytes);

}  // namespace revd

// Replays traces on a target and says where the first answer of each differs.
#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/conformance/target.h"
#include "tests/conformance/trace.h"

namespace revd {

// The first step of a trace that wasn't answered as recorded.
struct TraceFailure {
  std::string file;
  int line = 0;
  std::string where;  // the path of the difference within the answer, or what broke down
  nlohmann::json op;
  nlohmann::json want;
  nlohmann::json got;  // null if there was no answer

  // Several lines: file, line, where, op, want, got.
  std::string describe() const;
};

// On a fresh target; nothing if the trace passes.
std::optional<TraceFailure> replay(const Trace& trace, const TargetFactory& make);

struct RunSummary {
  int traces = 0;
  int failures = 0;
};
// Every trace of `directory`; writes each failure and the line "traces=N failures=M" to `out`.
Result<RunSummary> run_directory(const std::string& directory, const TargetFactory& make, std::ostream& out);

}  // namespace revd

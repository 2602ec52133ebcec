#include "tests/conformance/runner.h"

#include <ostream>
#include <utility>

#include "base/strings.h"
#include "tests/conformance/compare.h"

namespace revd {

using nlohmann::json;

std::string TraceFailure::describe() const {
  return str_cat(file, ":", line, ": differs at ", where, "\n  op   ", op.dump(), "\n  want ", want.dump(),
                 "\n  got  ", got.dump(), "\n");
}

std::optional<TraceFailure> replay(const Trace& trace, const TargetFactory& make) {
  const auto failure = [&](const TraceStep& step, std::string where, json got) {
    return TraceFailure{trace.file, step.line, std::move(where), step.op, step.want, std::move(got)};
  };
  auto target = make();
  if (!target.ok()) return failure(trace.steps.front(), "start: " + target.error().describe(), nullptr);
  for (const TraceStep& step : trace.steps) {
    const auto operation = parse_operation(step.op);
    if (!operation.ok()) return failure(step, "op: " + operation.error().text(), nullptr);
    const auto answer = (*target)->execute(*operation);
    if (!answer.ok()) return failure(step, "target: " + answer.error().describe(), nullptr);
    json got = answer_to_json(*answer);
    if (auto where = first_difference(step.op, step.want, got))
      return failure(step, std::move(*where), std::move(got));
  }
  return std::nullopt;
}

Result<RunSummary> run_directory(const std::string& directory, const TargetFactory& make, std::ostream& out) {
  TRY_ASSIGN(const std::vector<std::string> paths, list_traces(directory));
  RunSummary summary;
  for (const std::string& path : paths) {
    TRY_ASSIGN(const Trace trace, read_trace(path));
    ++summary.traces;
    if (const auto failure = replay(trace, make)) {
      ++summary.failures;
      out << failure->describe();
    }
  }
  out << "traces=" << summary.traces << " failures=" << summary.failures << std::endl;
  return summary;
}

}  // namespace revd

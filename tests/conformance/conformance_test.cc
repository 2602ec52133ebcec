#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "base/strings.h"
#include "tests/conformance/runner.h"
#include "tests/conformance/target.h"
#include "tests/conformance/trace.h"

namespace revd {
namespace {

using nlohmann::json;

std::string trace_path(const std::string& name) { return str_cat(REVD_TRACES, "/", name, ".jsonl"); }
TargetFactory model() { return find_target("model").value(); }

// A fresh directory with traces that tests write.
class AlteredTraces : public ::testing::Test {
 protected:
  AlteredTraces() : directory_(str_cat(::testing::TempDir(), "/altered-traces-", getpid())) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~AlteredTraces() override { std::filesystem::remove_all(directory_); }

  // Copies a trace; `alter` changes the first step for which it returns true. Gives that step's line.
  int alter(const std::string& name, const std::function<bool(TraceStep&)>& alter) {
    const Result<Trace> trace = read_trace(trace_path(name));
    CHECK(trace.ok());
    std::ofstream out(file(name));
    out << trace->description.dump() << "\n";
    int altered = 0;
    for (TraceStep step : trace->steps) {
      if (altered == 0 && alter(step)) altered = step.line;
      out << json{{"op", step.op}, {"want", step.want}}.dump() << "\n";
    }
    return altered;
  }
  std::string file(const std::string& name) const { return str_cat(directory_, "/", name, ".jsonl"); }

  // The difference in the altered trace must be named with file, line and place.
  void expect_named(const std::string& name, int line, const std::string& where) {
    ASSERT_GT(line, 0) << "nothing was altered";
    std::ostringstream out;
    const auto summary = run_directory(directory_, model(), out);
    ASSERT_TRUE(summary.ok());
    EXPECT_EQ(summary->failures, 1);
    EXPECT_NE(out.str().find(str_cat(file(name), ":", line, ": differs at ", where, "\n")), std::string::npos)
        << out.str();
    EXPECT_NE(out.str().find("\n  want "), std::string::npos);
    EXPECT_TRUE(out.str().ends_with("traces=1 failures=1\n")) << out.str();
  }

  std::string directory_;
};

TEST(Conformance, EveryTracePassesOnTheModel) {
  std::ostringstream out;
  const auto summary = run_directory(REVD_TRACES, model(), out);
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(out.str(), "traces=64 failures=0\n");
  EXPECT_EQ(summary->traces, 64);
}

TEST(Conformance, EveryTracePassesOnTheStore) {
  std::ostringstream out;
  const auto summary = run_directory(REVD_TRACES, find_target("store").value(), out);
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(out.str(), "traces=64 failures=0\n");
}

TEST_F(AlteredTraces, AnUnalteredOnePasses) {
  alter("kv-001", [](TraceStep&) { return false; });
  std::ostringstream out;
  EXPECT_EQ(run_directory(directory_, model(), out)->failures, 0) << out.str();
}

TEST_F(AlteredTraces, AWrongRevisionIsNamed) {
  const int line = alter("kv-001", [](TraceStep& step) {
    if (step.op["type"] != "put" || !step.want.contains("revision") || step.line < 50) return false;
    step.want["revision"] = step.want["revision"].get<int64_t>() + 1;
    return true;
  });
  EXPECT_GE(line, 50);
  expect_named("kv-001", line, "revision");
}

TEST_F(AlteredTraces, AMissingEventIsNamed) {
  size_t watch = 0;
  size_t left = 0;
  const int line = alter("watch-002", [&](TraceStep& step) {
    if (step.op["type"] != "collect") return false;
    for (watch = 0; watch < step.want["watches"].size(); ++watch) {
      json& events = step.want["watches"][watch]["events"];
      if (events.size() < 2) continue;
      events.erase(events.size() - 1);
      left = events.size();
      return true;
    }
    return false;
  });
  expect_named("watch-002", line, str_cat("watches[", watch, "].events[", left, "]"));
}

TEST_F(AlteredTraces, AChangedErrorIsNamed) {
  const int line = alter("errors-003", [](TraceStep& step) {
    if (!step.want.contains("error")) return false;
    step.want["error"] = "etcdserver: something else";
    return true;
  });
  expect_named("errors-003", line, "error");
}

TEST_F(AlteredTraces, AChangedCodeIsNamed) {
  const int line = alter("errors-004", [](TraceStep& step) {
    if (!step.want.contains("error")) return false;
    step.want["code"] = "Unknown";
    return true;
  });
  expect_named("errors-004", line, "code");
}

TEST_F(AlteredTraces, AnErrorWhereAnAnswerIsWantedIsNamed) {
  const int line = alter("errors-005", [](TraceStep& step) {
    if (step.op["type"] != "put" || !step.want.contains("error")) return false;
    step.want = {{"revision", 99}};
    return true;
  });
  expect_named("errors-005", line, "revision");
}

TEST_F(AlteredTraces, AKeyTooManyIsNamed) {
  size_t size = 0;
  const int line = alter("range-001", [&](TraceStep& step) {
    if (!step.want.contains("kvs") || step.want["kvs"].empty()) return false;
    size = step.want["kvs"].size() - 1;
    step.want["kvs"].erase(size);
    return true;
  });
  expect_named("range-001", line, str_cat("kvs[", size, "]"));
}

TEST_F(AlteredTraces, AnUnwantedPrevKvIsNamed) {
  const int line = alter("kv-002", [](TraceStep& step) { return step.want.erase("prev_kv") > 0; });
  expect_named("kv-002", line, "prev_kv");
}

TEST_F(AlteredTraces, ANestedAnswerIsNamed) {
  std::string where;
  const int line = alter("txn-001", [&](TraceStep& step) {
    if (step.op["type"] != "txn" || !step.want.contains("responses")) return false;
    for (size_t i = 0; i < step.want["responses"].size(); ++i) {
      json& response = step.want["responses"][i];
      if (!response.contains("range")) continue;
      response["range"]["count"] = 77;
      where = str_cat("responses[", i, "].range.count");
      return true;
    }
    return false;
  });
  expect_named("txn-001", line, where);
}

TEST_F(AlteredTraces, AnotherLeaseTtlIsNamed) {
  const int line = alter("lease-001", [](TraceStep& step) {
    if (step.op["type"] != "lease_grant" || !step.want.contains("ttl")) return false;
    step.want["ttl"] = 1;
    return true;
  });
  expect_named("lease-001", line, "ttl");
}

TEST_F(AlteredTraces, AWatchThatShouldNotHaveEndedIsNamed) {
  std::string where;
  const int line = alter("watch-004", [&](TraceStep& step) {
    if (step.op["type"] != "collect") return false;
    for (size_t i = 0; i < step.want["watches"].size(); ++i) {
      if (step.want["watches"][i].erase("canceled") == 0) continue;
      where = str_cat("watches[", i, "].canceled");
      return true;
    }
    return false;
  });
  expect_named("watch-004", line, where);
}

TEST_F(AlteredTraces, AnOperationThatIsNotUnderstoodFails) {
  const int line = alter("kv-003", [](TraceStep& step) {
    step.op["a_new_field"] = 1;
    return true;
  });
  expect_named("kv-003", line, "op: unknown field a_new_field");
}

TEST_F(AlteredTraces, ALineThatIsNoJsonIsAnErrorWithItsPlace) {
  std::ofstream(file("broken")) << "{\"trace\":\"x\"}\n{\"op\":{},\"want\":{}}\nnot json\n";
  std::ostringstream out;
  const auto summary = run_directory(directory_, model(), out);
  ASSERT_FALSE(summary.ok());
  EXPECT_EQ(summary.error().text(), file("broken") + ":3: not a line of a trace");
}

struct Finished {
  int exit_code;
  std::string output;
};
Finished run_program(const std::string& arguments) {
  FILE* pipe = popen(str_cat(REVD_CONFORMANCE, " ", arguments, " 2>&1").c_str(), "r");
  CHECK(pipe != nullptr);
  std::string output;
  std::array<char, 4096> buffer{};
  while (const size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), n);
  return {WEXITSTATUS(pclose(pipe)), output};
}

TEST_F(AlteredTraces, TheProgramsExitCodeTells) {
  const Finished passed = run_program(str_cat(REVD_TRACES, " --via model"));
  EXPECT_EQ(passed.exit_code, 0);
  EXPECT_TRUE(passed.output.ends_with("traces=64 failures=0\n")) << passed.output;
  alter("kv-001", [](TraceStep& step) {
    step.want["revision"] = 999;
    return true;
  });
  const Finished failed = run_program(directory_ + " --via model");
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_TRUE(failed.output.ends_with("traces=1 failures=1\n")) << failed.output;
}

TEST_F(AlteredTraces, AnUnknownTargetIsRefusedWithWhatThereIs) {
  const Finished refused = run_program(str_cat(REVD_TRACES, " --via nonsense"));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.output.find("--via nonsense: this build has model"), std::string::npos) << refused.output;
  EXPECT_EQ(run_program(directory_ + "/nowhere --via model").exit_code, 2);
  EXPECT_EQ(run_program("").exit_code, 2);
}

}  // namespace
}  // namespace revd

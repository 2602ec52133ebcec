// conformance DIR [--via TARGET]: replays the traces in DIR. Exit codes: 0 all pass, 1 some fail, 2 wrong
// use.
#include <algorithm>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/conformance/runner.h"
#include "tests/conformance/target.h"

namespace revd {
namespace {

int fail(const std::string& problem) {
  std::cerr << "conformance: " << problem << "\n";
  return 2;
}

int run(const std::vector<std::string>& arguments) {
  std::string directory;
  // The store is what the traces are for; a build without it has the model.
  const std::vector<std::string> names = target_names();
  std::string via = std::ranges::find(names, "store") != names.end() ? "store" : "model";
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--via" && i + 1 < arguments.size())
      via = arguments[++i];
    else if (!arguments[i].starts_with("-") && directory.empty())
      directory = arguments[i];
    else
      return fail("usage: conformance DIR [--via TARGET]; not understood: " + arguments[i]);
  }
  if (directory.empty()) return fail("usage: conformance DIR [--via TARGET]");
  const auto make = find_target(via);
  if (!make.ok()) return fail(make.error().text());
  std::cerr << "conformance: " << directory << " via " << via << "\n";
  const auto summary = run_directory(directory, *make, std::cout);
  if (!summary.ok()) return fail(summary.error().text());
  return summary->failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace revd

int main(int argc, char** argv) { return revd::run(std::vector<std::string>(argv + 1, argv + argc)); }

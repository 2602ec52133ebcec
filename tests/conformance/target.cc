#include "tests/conformance/target.h"

#include <map>
#include <utility>

#include "base/strings.h"

namespace revd {
namespace {

std::map<std::string, TargetFactory, std::less<>>& registry() {
  static std::map<std::string, TargetFactory, std::less<>> targets;
  return targets;
}

}  // namespace

TargetRegistration::TargetRegistration(std::string name, TargetFactory make) {
  registry().emplace(std::move(name), std::move(make));
}

std::vector<std::string> target_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : registry()) names.push_back(name);
  return names;
}

Result<TargetFactory> find_target(std::string_view name) {
  const auto at = registry().find(name);
  if (at != registry().end()) return at->second;
  std::string allowed;
  for (const std::string& known : target_names()) allowed += (allowed.empty() ? "" : ", ") + known;
  return Error(ErrorCode::kInvalidArgument, str_cat("--via ", name, ": this build has ", allowed));
}

}  // namespace revd

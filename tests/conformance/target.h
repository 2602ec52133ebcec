// ConformanceTarget: something that the traces are replayed on. TargetRegistry: those of this build.
//
// A new target is one file: a class, and a TargetRegistration at its end; name the file in
// CMakeLists.txt. Single-threaded; a target may wait inside execute().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tests/conformance/operation.h"

namespace revd {

class ConformanceTarget {
 public:
  virtual ~ConformanceTarget() = default;

  // Answers one operation; all of a trace's watches are on one connection. An error that etcd answers
  // too is an ErrorAnswer. A Result that failed means that the target itself broke down.
  // CollectRequest: everything that was written before must have been delivered (no pauses).
  virtual Result<Answer> execute(const Operation& operation) = 0;
};

// Makes a target with an empty store.
using TargetFactory = std::function<Result<std::unique_ptr<ConformanceTarget>>()>;

// Registers a target for the whole program; its place is a namespace-scope constant.
class TargetRegistration {
 public:
  TargetRegistration(std::string name, TargetFactory make);
};

// The factory of the target `name`; an error that lists what there is.
Result<TargetFactory> find_target(std::string_view name);
// By name.
std::vector<std::string> target_names();

}  // namespace revd

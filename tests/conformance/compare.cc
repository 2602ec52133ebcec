#include "tests/conformance/compare.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.h"

namespace revd {
namespace {

using nlohmann::json;
using Difference = std::optional<std::string>;

std::string join(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : str_cat(path, ".", name);
}

// Plain equality; the path of the first thing that differs.
Difference differs(const std::string& path, const json& want, const json& got) {
  if (want.is_object() && got.is_object()) {
    for (const auto& [name, value] : want.items()) {
      if (!got.contains(name)) return join(path, name);
      if (auto found = differs(join(path, name), value, got[name])) return found;
    }
    for (const auto& [name, value] : got.items())
      if (!want.contains(name)) return join(path, name);
    return std::nullopt;
  }
  if (want.is_array() && got.is_array()) {
    for (size_t i = 0; i < std::max(want.size(), got.size()); ++i) {
      const std::string at = str_cat(path, "[", i, "]");
      if (i >= want.size() || i >= got.size()) return at;
      if (auto found = differs(at, want[i], got[i])) return found;
    }
    return std::nullopt;
  }
  return want == got ? std::nullopt : Difference(path);
}

const char* sorted_field(const json& op) {
  const std::string target = op.value("sort_target", "KEY");
  if (target == "VERSION") return "version";
  if (target == "CREATE") return "create_revision";
  if (target == "MOD") return "mod_revision";
  if (target == "VALUE") return "value";
  return "key";
}

// The sequence of the sorted field, and the key-values as a set.
Difference sorted_differs(const std::string& path, const json& op, const json& want, const json& got) {
  if (!got.is_array() || want.size() != got.size()) return path;
  const char* field = sorted_field(op);
  for (size_t i = 0; i < want.size(); ++i) {
    const json none;
    const json& wanted = want[i].contains(field) ? want[i][field] : none;
    const json& given = got[i].contains(field) ? got[i][field] : none;
    if (wanted != given) return str_cat(path, "[", i, "].", field);
  }
  std::vector<json> wanted(want.begin(), want.end());
  std::vector<json> given(got.begin(), got.end());
  std::ranges::sort(wanted);
  std::ranges::sort(given);
  return wanted == given ? std::nullopt : Difference(path);
}

Difference answer_differs(const std::string& path, const json& op, const json& want, const json& got);

// Every nested answer beside the operation that it answers.
Difference responses_differ(const std::string& path, const json& txn, const json& want, const json& got) {
  const json& operations = txn.at(want.at("succeeded").get<bool>() ? "success" : "failure");
  const json& wanted = want.at("responses");
  const json& given = got.at("responses");
  for (size_t i = 0; i < std::max(wanted.size(), given.size()); ++i) {
    const std::string at = join(path, str_cat("responses[", i, "]"));
    if (i >= wanted.size() || i >= given.size() || i >= operations.size()) return at;
    const std::string& kind = wanted[i].begin().key();
    if (!given[i].is_object() || !given[i].contains(kind) || !operations[i].contains(kind)) return at;
    if (auto found = answer_differs(join(at, kind), operations[i][kind], wanted[i][kind], given[i][kind]))
      return found;
  }
  return std::nullopt;
}

Difference answer_differs(const std::string& path, const json& op, const json& want, const json& got) {
  json rest_wanted = want;
  json rest_given = got;
  if (!want.contains("revision")) rest_given.erase("revision");
  Difference special;
  if (want.contains("kvs_sorted")) {
    rest_wanted.erase("kvs_sorted");
    rest_given.erase("kvs");
    special = sorted_differs(join(path, "kvs_sorted"), op, want["kvs_sorted"], got.value("kvs", json()));
  } else if (want.contains("responses") && got.contains("responses") &&
             want.value("succeeded", false) == got.value("succeeded", false)) {
    rest_wanted.erase("responses");
    rest_given.erase("responses");
    special = responses_differ(path, op, want, got);
  }
  if (auto found = differs(path, rest_wanted, rest_given)) return found;
  return special;
}

}  // namespace

Difference first_difference(const json& op, const json& want, const json& got) {
  if (!want.contains("error")) return answer_differs("", op, want, got);
  for (const char* name : {"error", "code"})
    if (!got.contains(name) || want.at(name) != got[name]) return name;
  return std::nullopt;
}

}  // namespace revd

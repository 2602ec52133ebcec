// Holds an answer against what etcd answered. What is compared and what is free: README.md.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace revd {

// Where `got` first differs from `want` ("responses[1].range.kvs[0].value"), or nothing if it conforms.
// `op` tells which field a range was sorted by.
std::optional<std::string> first_difference(const nlohmann::json& op, const nlohmann::json& want,
                                            const nlohmann::json& got);

}  // namespace revd

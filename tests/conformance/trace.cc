#include "tests/conformance/trace.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/strings.h"

namespace revd {

using nlohmann::json;

Result<Trace> parse_trace(std::string name, std::string_view text) {
  Trace trace{.file = std::move(name), .description = {}, .steps = {}};
  for (int line = 1; !text.empty(); ++line) {
    const size_t length = std::min(text.find('\n'), text.size());
    json value = json::parse(text.substr(0, length), nullptr, false);
    text.remove_prefix(std::min(length + 1, text.size()));
    const bool well_formed =
        value.is_object() &&
        (line == 1 ? value.contains("trace") : value.contains("op") && value.contains("want"));
    if (!well_formed)
      return Error(ErrorCode::kInvalidArgument, str_cat(trace.file, ":", line, ": not a line of a trace"));
    if (line == 1)
      trace.description = std::move(value);
    else
      trace.steps.push_back({line, std::move(value["op"]), std::move(value["want"])});
  }
  if (trace.steps.empty()) return Error(ErrorCode::kInvalidArgument, str_cat(trace.file, ": an empty trace"));
  return trace;
}

Result<Trace> read_trace(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error(ErrorCode::kNotFound, str_cat(path, ": cannot be read"));
  std::ostringstream text;
  text << file.rdbuf();
  return parse_trace(path, text.view());
}

Result<std::vector<std::string>> list_traces(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failure))
    if (entry.path().extension() == ".jsonl") paths.push_back(entry.path().string());
  if (failure) return Error(ErrorCode::kNotFound, str_cat(directory, ": ", failure.message()));
  if (paths.empty()) return Error(ErrorCode::kNotFound, str_cat(directory, ": no *.jsonl in it"));
  std::ranges::sort(paths);
  return paths;
}

Result<std::string> bytes_from_json(const json& text) {
  const Error malformed(ErrorCode::kInvalidArgument, "not a string of characters U+0000..U+00FF");
  if (!text.is_string()) return malformed;
  const std::string& utf8 = text.get_ref<const std::string&>();
  std::string bytes;
  for (size_t at = 0; at < utf8.size(); ++at) {
    const auto lead = static_cast<unsigned char>(utf8[at]);
    if (lead < 0x80) {
      bytes += utf8[at];
      continue;
    }
    if ((lead != 0xc2 && lead != 0xc3) || at + 1 == utf8.size()) return malformed;
    const auto next = static_cast<unsigned char>(utf8[++at]);
    bytes += static_cast<char>(((lead & 3) << 6) | (next & 0x3f));
  }
  return bytes;
}

json bytes_to_json(std::string_view bytes) {
  std::string utf8;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      utf8 += c;
    } else {
      utf8 += static_cast<char>(0xc0 | (byte >> 6));
      utf8 += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return utf8;
}

}  // namespace revd

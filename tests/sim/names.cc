#include "tests/sim/names.h"

#include <algorithm>

namespace revd {

namespace {

Error no_such_file() { return {ErrorCode::kNotFound, "No such file or directory"}; }
Error is_a_directory() { return {ErrorCode::kIo, "Is a directory"}; }

}  // namespace

std::string clean_path(std::string_view path) {
  std::string clean;
  for (const char c : path)
    if (c != '/' || clean.empty() || clean.back() != '/') clean += c;
  if (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean;
}

std::string parent_path(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return "";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool SimNames::is_directory(const Names& names, const std::string& path) {
  if (path.empty() || path == "/") return true;
  const auto found = names.find(path);
  return found != names.end() && found->second == kDirectory;
}

Result<SimFileId> SimNames::find(const std::string& path) const {
  if (is_directory(seen_, path)) return kDirectory;
  const auto found = seen_.find(path);
  if (found == seen_.end()) return no_such_file();
  return found->second;
}

void SimNames::apply(const Change& change, Names& names) {
  if (!change.removed.empty()) names.erase(change.removed);
  if (!change.added.empty()) names[change.added] = change.file;
}

void SimNames::change(Change change) {
  change.number = next_change_++;
  apply(change, seen_);
  journal_.push_back(std::move(change));
}

Status SimNames::add(const std::string& path, SimFileId file) {
  if (!is_directory(seen_, parent_path(path))) return no_such_file();
  if (is_directory(seen_, path) || seen_.contains(path))
    return Error(ErrorCode::kAlreadyExists, "File exists");
  change({.number = 0, .removed = "", .added = path, .file = file});
  return {};
}

Status SimNames::rename(const std::string& from, const std::string& to) {
  TRY_ASSIGN(const SimFileId file, find(from));
  if (!is_directory(seen_, parent_path(to))) return no_such_file();
  if (file == kDirectory || is_directory(seen_, to)) return is_a_directory();
  if (from != to) change({.number = 0, .removed = from, .added = to, .file = file});
  return {};
}

Status SimNames::remove(const std::string& path) {
  TRY_ASSIGN(const SimFileId file, find(path));
  if (file == kDirectory) return is_a_directory();
  change({.number = 0, .removed = path, .added = "", .file = {}});
  return {};
}

Result<std::vector<std::string>> SimNames::list(const std::string& directory) const {
  if (!is_directory(seen_, directory)) return no_such_file();
  std::vector<std::string> names;
  for (const auto& [path, file] : seen_) {
    if (path == directory || parent_path(path) != directory) continue;
    const size_t slash = path.rfind('/');
    names.push_back(slash == std::string::npos ? path : path.substr(slash + 1));
  }
  return names;  // sorted, since the paths are and share their beginning
}

std::vector<std::string> SimNames::files() const {
  std::vector<std::string> paths;
  for (const auto& [path, file] : seen_)
    if (file != kDirectory) paths.push_back(path);
  return paths;
}

std::vector<std::string> SimNames::durable_files() const {
  std::vector<std::string> paths;
  for (const auto& [path, file] : durable_)
    if (file != kDirectory) paths.push_back(path);
  return paths;
}

void SimNames::sync(const std::string& directory, uint64_t up_to) {
  std::vector<Change> rest;
  for (Change& change : journal_) {
    const std::string& where = change.added.empty() ? change.removed : change.added;
    if (change.number <= up_to && parent_path(where) == directory)
      apply(change, durable_);
    else
      rest.push_back(std::move(change));
  }
  journal_ = std::move(rest);
}

void SimNames::sync_all() {
  durable_ = seen_;
  journal_.clear();
}

void SimNames::power_cut(Random& random, uint32_t keep_per_mille) {
  std::set<std::string> lost;  // names that a lost change touched: what builds on it is lost too
  const auto builds_on_lost = [&](std::string path) {
    for (; !path.empty() && path != "/"; path = parent_path(path))
      if (lost.contains(path)) return true;
    return false;
  };
  for (const Change& change : journal_) {
    const bool kept = !builds_on_lost(change.removed) && !builds_on_lost(change.added) &&
                      random.below(1000) < keep_per_mille;
    if (kept) {
      apply(change, durable_);
      continue;
    }
    if (!change.removed.empty()) lost.insert(change.removed);
    if (!change.added.empty()) lost.insert(change.added);
  }
  journal_.clear();
  // A directory whose own name was lost takes along what was synced in it. Parents sort first.
  for (auto at = durable_.begin(); at != durable_.end();)
    at = is_directory(durable_, parent_path(at->first)) ? std::next(at) : durable_.erase(at);
  seen_ = durable_;
}

std::set<SimFileId> SimNames::referenced() const {
  std::set<SimFileId> files;
  for (const auto& [path, file] : seen_) files.insert(file);
  for (const auto& [path, file] : durable_) files.insert(file);
  for (const Change& change : journal_)
    if (!change.added.empty()) files.insert(change.file);
  return files;
}

}  // namespace revd

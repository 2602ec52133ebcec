// SimNames: the directories of a SimMedium: what processes see, what is durable, and the journal of
// changes between the two.
//
// A sync of a directory makes the changes in it durable. At a power cut a random subset of the others
// survives in which every change comes with all earlier ones of the same names: a rename is old or
// new, never both, never neither. Names and data are independent: a durable name may lead to a file
// whose bytes are not.
// Paths are compared as text after repeated and trailing slashes are gone; "" and "/" exist always.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"

namespace revd {

using SimFileId = StrongId<struct SimFileIdTag>;
inline constexpr SimFileId kDirectory{0};  // what the name of a directory leads to

std::string clean_path(std::string_view path);
// "a" of "a/b", "/" of "/b", "" of "b".
std::string parent_path(const std::string& path);

// All paths are clean ones. Errors: kNotFound, kAlreadyExists, kIo; the text is the system's message.
class SimNames {
 public:
  Result<SimFileId> find(const std::string& path) const;
  // `file` is kDirectory or new.
  Status add(const std::string& path, SimFileId file);
  Status rename(const std::string& from, const std::string& to);
  Status remove(const std::string& path);
  // Names in a directory, sorted.
  Result<std::vector<std::string>> list(const std::string& directory) const;
  // Paths of all files, sorted.
  std::vector<std::string> files() const;
  std::vector<std::string> durable_files() const;

  uint64_t latest_change() const { return next_change_ - 1; }
  void sync(const std::string& directory, uint64_t up_to);
  void sync_all();
  // `keep_per_mille`: how likely each pending change survives on its own.
  void power_cut(Random& random, uint32_t keep_per_mille);

  // Every file that any name leads to, or may lead to after a power cut.
  std::set<SimFileId> referenced() const;

 private:
  using Names = std::map<std::string, SimFileId>;
  struct Change {
    uint64_t number = 0;
    std::string removed;  // may be empty
    std::string added;    // may be empty
    SimFileId file;       // that `added` leads to
  };
  static void apply(const Change& change, Names& names);
  static bool is_directory(const Names& names, const std::string& path);
  void change(Change change);

  Names seen_;
  Names durable_;
  std::vector<Change> journal_;
  uint64_t next_change_ = 1;
};

}  // namespace revd

// What apply tells about each change, and who listens.
//
// Change: a view of one changed key, good for the call alone. ChangeListener: the watches (and tests).
#pragma once

#include <string_view>

#include "mvcc/command/types.h"

namespace revd {

struct Change {
  Revision at;
  bool tombstone = false;
  std::string_view key;
  std::string_view value;  // of a put; so is what follows
  int64_t create = 0;
  int64_t version = 0;
  LeaseId lease{};
};

class ChangeListener {
 public:
  virtual ~ChangeListener() = default;
  // In order of revision. Readers don't see it yet; may not call the store.
  virtual void on_change(const Change& change) = 0;
  // Everything so far can be read now. May not call the store's writing functions.
  virtual void on_published() = 0;
};

}  // namespace revd

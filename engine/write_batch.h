// WriteBatch: changes of named trees that happen together or not at all.
//
// The payload of one log entry when Backend is used as a plain key-value engine. A plain value; one
// thread at a time. Format: engine/README.md, "Write batch".
// Limits: tree names 1 to 31 bytes; keys and values as long as the log's entry limit allows.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace revd {

class WriteBatch {
 public:
  WriteBatch();

  // Later changes of a key win over earlier ones. Both copy their arguments.
  void put(std::string_view tree, std::string_view key, std::string_view value);
  // Removing a key that isn't there is fine.
  void erase(std::string_view tree, std::string_view key);
  void clear();

  size_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  // The encoded batch, valid until the next change.
  ByteSpan encoded() const { return as_bytes(bytes_); }

 private:
  void select_tree(std::string_view tree);

  std::string bytes_;
  std::string tree_;  // the tree that the last operation named
  size_t count_ = 0;
};

struct BatchOp {
  std::string_view tree;
  std::string_view key;
  std::string_view value;  // empty for an erase
  bool erase = false;
};

// Hands out a batch's operations in order, as views into `encoded`; stops at the first error of
// `visit`. kDataLoss if the bytes aren't a batch that this version can read.
Status for_each_op(ByteSpan encoded, const std::function<Status(const BatchOp&)>& visit);

}  // namespace revd

// Snapshot: one published version of all trees, for reading.
//
// Thread rule: the reactor thread. A snapshot costs no copy and never blocks a writer or a checkpoint;
// what it alone still needs is kept in memory or on disk until it is destroyed. Two limits
// (PageFileOptions::snapshot_age_max, snapshot_pinned_bytes_max) end that: then the oldest snapshots
// expire, and every later call on them (and on their cursors) answers kAborted "snapshot expired".
// Ownership: borrows the PageFile, which must outlive it, its cursors and every ValueRef.
// Errors: kNotFound (no such tree in this version), and as cursor.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "btree/cursor.h"
#include "btree/page_ref.h"
#include "btree/read_mode.h"
#include "btree/superblock.h"

namespace revd::btree {

class PageStore;
struct Pin;
struct TreeRoot;

// A value found by get(): its bytes, kept by pinning the page they lie in (no copy), or, for a long value, by
// owning them. Short-lived: a pinned page can't leave the cache. Destroy it before its Snapshot.
class ValueRef {
 public:
  ValueRef(PageRef page, std::string_view bytes) : page_(std::move(page)), inline_bytes_(bytes) {}
  explicit ValueRef(std::string owned) : owned_(std::move(owned)) {}
  std::string_view view() const { return owned_ ? std::string_view(*owned_) : inline_bytes_; }

 private:
  PageRef page_;
  std::string_view inline_bytes_;
  std::optional<std::string> owned_;
};

class Snapshot {
 public:
  Snapshot(PageStore& store, Pin& pin);  // PageFile::snapshot()
  ~Snapshot();
  Snapshot(Snapshot&& other) noexcept;
  Snapshot& operator=(Snapshot&& other) noexcept;

  // Grows with every commit.
  uint64_t version() const;
  const AppliedPosition& applied() const;
  // Entries in the tree; O(1).
  Result<uint64_t> count(TreeId tree) const;

  // nullopt: no such key.
  Result<std::optional<ValueRef>> get(TreeId tree, std::string_view key, ReadMode mode = ReadMode::kBlocking);
  // The same, copying into `value` (unchanged if there is none): false if there is no such key.
  Result<bool> get(TreeId tree, std::string_view key, std::string& value,
                   ReadMode mode = ReadMode::kBlocking);
  Result<bool> contains(TreeId tree, std::string_view key, ReadMode mode = ReadMode::kBlocking);
  // What to load after one of these answered kWouldBlock.
  const PageRequest& missing() const { return context_.missing; }

  // Not valid() before its first seek. kNotFound for an unknown tree.
  Result<Cursor> cursor(TreeId tree, ReadMode mode = ReadMode::kBlocking);

 private:
  void close();
  Result<const TreeRoot*> open_tree(TreeId tree) const;

  PageStore* store_;
  Pin* pin_;
  ReadContext context_;
};

}  // namespace revd::btree

// WatchIndex: which of many watched keys and ranges contain a key (mvcc rule 26).
//
// Single keys are in a hash table. Ranges are in a treap ordered by where they begin, whose nodes know
// how far their subtree reaches: a look-up costs a logarithm and its matches. The treap's shape follows from
// the targets' numbers, so it is the same in every run.
// Thread rule: the reactor thread. Borrows the targets, whose keys must not change while they are in.
// Limits: none of its own; a range takes about 120 bytes and its keys.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mvcc/command/key_range.h"

namespace revd {

// What is found; whoever watches derives from it.
struct WatchTarget {
  uint64_t number = 0;  // unique within an index
};

class WatchIndex {
 public:
  using Visit = std::function<void(WatchTarget&)>;

  void insert(const KeyRange& range, WatchTarget& target);
  // Must be in, with this very range.
  void erase(const KeyRange& range, WatchTarget& target);
  // Every target whose range contains `key`, in an order that is the same in every run. `visit` may not
  // change the index.
  void match(std::string_view key, const Visit& visit) const;
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  using NodeId = uint32_t;
  static constexpr NodeId kNone = UINT32_MAX;
  struct Node {
    std::string begin;
    std::string end;
    bool endless = false;
    WatchTarget* target = nullptr;
    uint64_t priority = 0;
    NodeId left = kNone;
    NodeId right = kNone;
    NodeId farthest = kNone;  // the node of this subtree that reaches farthest
  };

  bool reaches_farther(NodeId a, NodeId b) const;
  bool comes_before(NodeId node, std::string_view begin, uint64_t number) const;
  void update(NodeId node);
  // Nodes before (begin, number) to the left, the others to the right.
  void split(NodeId node, std::string_view begin, uint64_t number, NodeId& left, NodeId& right);
  NodeId merge(NodeId left, NodeId right);
  NodeId erase_from(NodeId node, std::string_view begin, uint64_t number);
  void match_from(NodeId node, std::string_view key, const Visit& visit) const;

  size_t size_ = 0;
  std::unordered_map<std::string, std::vector<WatchTarget*>> singles_;  // order: only looked up by key
  std::vector<Node> nodes_;
  std::vector<NodeId> free_;
  NodeId root_ = kNone;
};

}  // namespace revd

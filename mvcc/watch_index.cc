#include "mvcc/watch_index.h"

#include <algorithm>

#include "base/check.h"
#include "base/random.h"

namespace revd {

void WatchIndex::insert(const KeyRange& range, WatchTarget& target) {
  ++size_;
  if (range.is_single()) {
    singles_[std::string(range.begin())].push_back(&target);
    return;
  }
  NodeId id = static_cast<NodeId>(nodes_.size());
  if (free_.empty()) {
    nodes_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  Node& node = nodes_[id];
  node = Node();
  node.begin = range.begin();
  node.endless = range.kind() == KeyRange::Kind::kFromKey;
  if (!node.endless) node.end = range.end();
  node.target = &target;
  node.priority = Random(target.number).next();
  node.farthest = id;
  NodeId left = kNone;
  NodeId right = kNone;
  split(root_, range.begin(), target.number, left, right);
  root_ = merge(merge(left, id), right);
}

void WatchIndex::erase(const KeyRange& range, WatchTarget& target) {
  --size_;
  if (!range.is_single()) {
    root_ = erase_from(root_, range.begin(), target.number);
    return;
  }
  const auto at = singles_.find(std::string(range.begin()));
  CHECK(at != singles_.end());
  const auto found = std::ranges::find(at->second, &target);
  CHECK(found != at->second.end());
  at->second.erase(found);
  if (at->second.empty()) singles_.erase(at);
}

void WatchIndex::match(std::string_view key, const Visit& visit) const {
  if (!singles_.empty()) {
    if (const auto at = singles_.find(std::string(key)); at != singles_.end())
      for (WatchTarget* target : at->second) visit(*target);
  }
  match_from(root_, key, visit);
}

void WatchIndex::match_from(NodeId id, std::string_view key, const Visit& visit) const {
  if (id == kNone) return;
  const Node& node = nodes_[id];
  const Node& farthest = nodes_[node.farthest];
  if (!farthest.endless && farthest.end <= key) return;
  match_from(node.left, key, visit);
  if (node.begin > key) return;
  if (node.endless || key < node.end) visit(*node.target);
  match_from(node.right, key, visit);
}

bool WatchIndex::reaches_farther(NodeId a, NodeId b) const {
  if (nodes_[a].endless || nodes_[b].endless) return nodes_[a].endless && !nodes_[b].endless;
  return nodes_[a].end > nodes_[b].end;
}

bool WatchIndex::comes_before(NodeId id, std::string_view begin, uint64_t number) const {
  const int order = std::string_view(nodes_[id].begin).compare(begin);
  return order != 0 ? order < 0 : nodes_[id].target->number < number;
}

void WatchIndex::update(NodeId id) {
  Node& node = nodes_[id];
  node.farthest = id;
  for (const NodeId child : {node.left, node.right}) {
    if (child != kNone && reaches_farther(nodes_[child].farthest, node.farthest))
      node.farthest = nodes_[child].farthest;
  }
}

void WatchIndex::split(NodeId id, std::string_view begin, uint64_t number, NodeId& left, NodeId& right) {
  if (id == kNone) {
    left = right = kNone;
    return;
  }
  NodeId rest = kNone;
  if (comes_before(id, begin, number)) {
    split(nodes_[id].right, begin, number, rest, right);
    nodes_[id].right = rest;
    left = id;
  } else {
    split(nodes_[id].left, begin, number, left, rest);
    nodes_[id].left = rest;
    right = id;
  }
  update(id);
}

WatchIndex::NodeId WatchIndex::merge(NodeId left, NodeId right) {
  if (left == kNone) return right;
  if (right == kNone) return left;
  if (nodes_[left].priority > nodes_[right].priority) {
    nodes_[left].right = merge(nodes_[left].right, right);
    update(left);
    return left;
  }
  nodes_[right].left = merge(left, nodes_[right].left);
  update(right);
  return right;
}

WatchIndex::NodeId WatchIndex::erase_from(NodeId id, std::string_view begin, uint64_t number) {
  CHECK(id != kNone);
  Node& node = nodes_[id];
  if (node.begin == begin && node.target->number == number) {
    const NodeId merged = merge(node.left, node.right);
    node = Node();
    free_.push_back(id);
    return merged;
  }
  if (comes_before(id, begin, number))
    node.right = erase_from(node.right, begin, number);
  else
    node.left = erase_from(node.left, begin, number);
  update(id);
  return id;
}

}  // namespace revd

// OpQueue: operations in order, linked through DiskOp::next. Borrows them. One thread, or a lock.
#pragma once

#include <utility>

#include "base/disk.h"

namespace revd::os {

class OpQueue {
 public:
  OpQueue() = default;
  OpQueue(OpQueue&& other) noexcept
      : first_(std::exchange(other.first_, nullptr)), last_(std::exchange(other.last_, nullptr)) {}
  OpQueue& operator=(OpQueue&& other) noexcept {
    first_ = std::exchange(other.first_, nullptr);
    last_ = std::exchange(other.last_, nullptr);
    return *this;
  }

  bool empty() const { return first_ == nullptr; }
  void push(DiskOp& op) {
    op.next = nullptr;
    (first_ == nullptr ? first_ : last_->next) = &op;
    last_ = &op;
  }
  // Requires !empty().
  DiskOp& pop() {
    DiskOp& op = *first_;
    first_ = op.next;
    op.next = nullptr;
    return op;
  }
  void append(OpQueue&& other) {
    if (other.empty()) return;
    (first_ == nullptr ? first_ : last_->next) = other.first_;
    last_ = other.last_;
    other.first_ = nullptr;
  }
  // Takes `op` out if it is here.
  bool remove(const DiskOp& op) {
    bool found = false;
    OpQueue rest;
    while (!empty()) {
      DiskOp& head = pop();
      if (&head == &op)
        found = true;
      else
        rest.push(head);
    }
    *this = std::move(rest);
    return found;
  }

 private:
  DiskOp* first_ = nullptr;
  DiskOp* last_ = nullptr;  // meaningful unless empty
};

}  // namespace revd::os

// PageLoader: reading missed pages without blocking, for PageFile::load.
//
// Requests for the same page share one read; at most kLoadsMax reads are under way, the rest wait in line.
// A page that fails verification is read once more. Thread rule: the reactor thread. Borrows the store.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "btree/page_store.h"

namespace revd::btree {

class PageLoader {
 public:
  explicit PageLoader(PageStore& store) : store_(store) {}
  using Done = std::move_only_function<void(Status)>;
  void load(const PageRequest& request, Done done);
  bool idle() const { return loads_.empty(); }

 private:
  static constexpr size_t kLoadsMax = 16;
  struct Load {
    PageRequest request;
    DiskOp op;
    AlignedBuffer buffer;
    std::vector<Done> waiting;
    bool repeated = false;
    bool started = false;
  };

  void start(Load& load);
  void finished(uint64_t sector);
  Status check(Load& load);
  void start_next();

  PageStore& store_;
  std::map<uint64_t, std::unique_ptr<Load>> loads_;  // by sector
  std::deque<uint64_t> line_;
  size_t running_ = 0;
};

}  // namespace revd::btree

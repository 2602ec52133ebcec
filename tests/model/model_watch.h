// ModelWatchStream: the watches of one connection on a ModelStore.
//
// Nothing happens by itself: pump() delivers to each watch what has been written since. Borrows the
// store, which must outlive it. Single-threaded.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "mvcc/command/requests.h"
#include "mvcc/command/responses.h"
#include "tests/model/model_store.h"

namespace revd {

class ModelWatchStream {
 public:
  // What one watch got since it was last asked.
  struct Delivery {
    WatchId id;
    std::vector<Event> events{};
    int64_t compact_revision = 0;  // not 0: cancelled because that is compacted

    bool canceled() const { return compact_revision != 0; }
  };

  explicit ModelWatchStream(const ModelStore& store) : store_(store) {}

  // Created; or created and cancelled at once, with the reason and no id (rule 22).
  WatchResponse create(const WatchCreateRequest& request);
  // False if there is no such watch.
  bool cancel(WatchId id);
  // Delivers everything up to the store's current revision.
  void pump();
  // Progress of the whole connection, after a pump().
  WatchResponse progress();
  // Takes what was delivered: each watch that is open, or was cancelled by the store since, by id.
  std::vector<Delivery> collect();

 private:
  struct Watch {
    WatchCreateRequest request;
    int64_t next = 0;  // the first revision not delivered yet
    Delivery delivery;
  };

  const ModelStore& store_;
  std::map<WatchId, Watch> open_;
  std::vector<Delivery> cancelled_;
};

}  // namespace revd

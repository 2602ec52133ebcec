// WatchHub and WatchStream: who is told about which changes (mvcc rules 22 to 26).
//
// A stream is one connection's watches: messages are pulled from it, so a slow reader holds up nobody.
// A watch that is in step gets the changes of each command as it is applied, found by an interval
// structure. One that is behind (it began in the past, or its reader was so slow that its queue was
// dropped) reads the history from the revision tree, in its stream's own lane, until it is in step.
// Thread rule: the reactor thread. Ownership: the hub borrows Env, Backend and MvccStore, streams borrow the
// hub: streams go first. Errors: a watch ends with a message that says why; the trees' errors end the
// watches of that stream and are in the log. Units: bytes count keys, values and some overhead.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "mvcc/change.h"
#include "mvcc/command/requests.h"
#include "mvcc/command/responses.h"
#include "mvcc/store.h"

namespace revd {

struct WatchOptions {
  // Of a watch that is in step; beyond it the queue is dropped and the watch goes on from history.
  size_t queue_bytes_max = size_t{1} << 20;
  // Read ahead from history for one stream.
  size_t history_bytes_max = size_t{1} << 20;
  // Of one message. A single revision that is larger comes in several, all but the last marked `fragment`.
  size_t response_bytes_max = size_t{512} << 10;
  Duration progress_interval = std::chrono::minutes(10);
};

struct WatchMetrics {
  uint64_t streams = 0;
  uint64_t watches = 0;
  uint64_t behind = 0;        // watches that read history now
  int64_t lag_revisions = 0;  // of the one that is furthest behind
  uint64_t queued_bytes = 0;
  uint64_t queues_dropped = 0;  // since the hub was made
};

class WatchStream;

class WatchHub : public ChangeListener {
 public:
  // Becomes the store's listener; its destructor ends that.
  WatchHub(Env& env, Backend& backend, MvccStore& store, const WatchOptions& options = {});
  ~WatchHub() override;
  WatchHub(const WatchHub&) = delete;
  WatchHub& operator=(const WatchHub&) = delete;

  // `on_ready` is called when messages may be there again after next() gave none; on the reactor, never
  // inside a call of the stream. It may destroy the stream.
  std::unique_ptr<WatchStream> open(std::function<void()> on_ready);
  // Nothing that has been published is still to be looked at on behalf of streams that are being read.
  bool idle() const;
  WatchMetrics metrics() const;

  void on_change(const Change& change) override;
  void on_published() override;

  struct Impl;

 private:
  friend class WatchStream;
  std::unique_ptr<Impl> impl_;
};

class WatchStream {
 public:
  ~WatchStream();
  WatchStream(const WatchStream&) = delete;
  WatchStream& operator=(const WatchStream&) = delete;

  // Answered by a message with `created`, with `canceled` and the reason if it was refused.
  void create(const WatchCreateRequest& request);
  // Answered by a message with `canceled`; an unknown id isn't answered.
  void cancel(WatchId id);
  // Answered by a message with watch id -1 once all watches are in step and everything has been pulled.
  void request_progress();

  // The next message; nullopt: none now, on_ready will be called.
  std::optional<WatchResponse> next();
  size_t watch_count() const;

  struct Impl;

 private:
  friend class WatchHub;
  explicit WatchStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace revd

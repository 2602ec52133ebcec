// EntryReader: reads durable entries back by index, batch by batch, verifying each batch again.
//
// Thread rule: the log's reactor thread. Internal to wal/. A read keeps its segment from being recycled.
#pragma once

#include <memory>
#include <vector>

#include "wal/segments.h"

namespace revd::wal {

class EntryReader {
 public:
  EntryReader(Core& core, SegmentStore& segments, const DurableLog& log, std::function<uint64_t()> epoch);
  ~EntryReader();

  // [first, last] lies in the durable log. At least one entry, then as long as payloads fit max_bytes.
  void read(LogIndex first, LogIndex last, size_t max_bytes, ReadDone done);
  // One batch's worth, blocking: the entries from `first` to at most `last`.
  Result<EntryChunk> read_batch(LogIndex first, LogIndex last);
  void stop();

 private:
  struct Request;
  void start(Request& request);
  void on_done(Request& request);
  void finish(Request& request, Result<EntryChunk> result);

  Core& core_;
  SegmentStore& segments_;
  const DurableLog& log_;
  std::function<uint64_t()> epoch_;
  std::vector<std::unique_ptr<Request>> requests_;  // busy and idle
};

}  // namespace revd::wal

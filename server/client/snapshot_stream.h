// SnapshotStream: downloads a snapshot of the whole store, checked by its hash at the end.
//
// Chunks come in order as the handler takes them (credit). A lost connection ends it: a snapshot is of
// one moment of one member, and the next attempt begins anew. Thread rule: reactor. Borrows the Client;
// may be destroyed at any time. Errors: the server's, kUnavailable, kDataLoss for a wrong hash or size.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/hash.h"
#include "server/client/client.h"

namespace revd {

struct SnapshotInfo {
  int64_t revision = 0;
  uint64_t total_bytes = 0;  // 0 as long as the server hasn't said
};

class SnapshotStream final : public LinkUser {
 public:
  using Chunk = std::function<void(std::string_view data, uint64_t offset, const SnapshotInfo& info)>;
  using Done = std::function<void(Result<SnapshotInfo> outcome)>;

  // `done` is called once; everything that was given to `chunk` is good only if it is ok.
  // `timeout_ms` bounds the time without any chunk; 0: none.
  SnapshotStream(Client& client, Chunk chunk, Done done, uint32_t timeout_ms = 30'000);
  ~SnapshotStream() override;
  SnapshotStream(const SnapshotStream&) = delete;
  SnapshotStream& operator=(const SnapshotStream&) = delete;

 private:
  void link_up(Link& link) override;
  void on_event(LinkEvent event);
  void on_chunk(SnapshotChunk chunk, size_t bytes, bool last);
  void end(Result<SnapshotInfo> outcome);
  void arm();

  Client& client_;
  Chunk chunk_;
  Done done_;
  const uint32_t timeout_ms_;
  SnapshotInfo info_;
  uint64_t received_ = 0;
  StreamingHash hash_;
  uint64_t link_id_ = 0;
  bool started_ = false;
  bool in_flight_ = false;
  bool ended_ = false;
  Timer timer_;
  std::shared_ptr<SnapshotStream*> self_;
};

}  // namespace revd

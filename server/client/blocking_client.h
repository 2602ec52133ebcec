// BlockingClient: the client's calls, waited for. For tools, tests and programs without a reactor.
//
//   LinuxEnv env;                                       // or a simulated one
//   BlockingClient client(env.env(), {.endpoints = {{"127.0.0.1", 7480}}});
//   Result<PutResponse> put = client.call(PutRequest{.key = "k", .value = "v"});
//
// Drives the executor while it waits, so watches and keep-alives go on meanwhile, and only then. Thread
// rule: one thread, never from inside a callback. Errors: as Client; kCancelled if the executor was stopped.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/client/client.h"
#include "server/client/lease_keeper.h"
#include "server/client/range_pages.h"
#include "server/client/snapshot_stream.h"
#include "server/client/watch.h"

namespace revd {

class BlockingClient {
 public:
  BlockingClient(Env& env, ClientOptions options) : env_(env), client_(env, std::move(options)) {}

  Client& async() { return client_; }

  template <typename RequestT>
  Result<ResponseOf<RequestT>> call(RequestT request, CallOptions options = {}) {
    using T = ResponseOf<RequestT>;
    // Shared, since a stopped executor leaves the call behind.
    const auto outcome = std::make_shared<std::optional<Result<T>>>();
    client_.call(std::move(request), options,
                 [outcome](Result<T> done, const AnswerHeader&) { *outcome = std::move(done); });
    if (!wait([&] { return outcome->has_value(); })) return stopped();
    return std::move(**outcome);
  }

  // Waits until fewer than `most` calls are in flight: for many asynchronous calls in a row. 1: for all.
  Status wait_in_flight_below(size_t most) {
    if (!wait([&] { return client_.in_flight() < most; })) return stopped();
    return {};
  }

  // Calls `page(RangeResponse)` for each page; stops early when it returns an error, and returns that.
  template <typename Page>
  Status for_each_page(RangeRequest range, Page page, uint64_t page_bytes = 256 * 1024) {
    RangePages pages(client_, std::move(range), page_bytes);
    while (true) {
      const auto next = std::make_shared<std::optional<Result<std::optional<RangeResponse>>>>();
      pages.next([next](Result<std::optional<RangeResponse>> got) { *next = std::move(got); });
      if (!wait([&] { return next->has_value(); })) return stopped();
      TRY_ASSIGN(std::optional<RangeResponse> got, std::move(**next));
      if (!got) return {};
      TRY(page(std::move(*got)));
    }
  }

  // Gives each chunk to `chunk`; what it got is good only if the result is ok.
  Result<SnapshotInfo> snapshot(SnapshotStream::Chunk chunk) {
    std::optional<Result<SnapshotInfo>> outcome;
    SnapshotStream stream(client_, std::move(chunk),
                          [&](Result<SnapshotInfo> done) { outcome = std::move(done); });
    if (!wait([&] { return outcome.has_value(); })) return stopped();
    return std::move(*outcome);
  }

  // Drives the executor (and so watches and keep-alives) until `done()`; false if it was stopped.
  bool wait(const std::function<bool()>& done) { return done() || env_.executor.run_until(done); }

 private:
  static Error stopped() { return Error(ErrorCode::kCancelled, "the program was stopped"); }

  Env& env_;
  Client client_;
};

}  // namespace revd

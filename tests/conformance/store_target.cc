// The traces on the real store: EmbeddedStore in a simulated process, so nothing depends on the machine.
#include <algorithm>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "mvcc/command/errors.h"
#include "mvcc/embedded_store.h"
#include "tests/conformance/target.h"
#include "tests/sim/world.h"

namespace revd {
namespace {

class StoreTarget final : public ConformanceTarget {
 public:
  Status open() {
    process_ = &world_.add_process("n1");
    process_->medium().make_directory("/data");
    EmbeddedOptions options;
    options.backend.data_dir = "/data/n1";
    options.backend.cache_size_mb = 8;
    options.backend.wal_segment_bytes = 64 << 10;
    options.compactor.mode = CompactionMode::kOff;
    TRY_ASSIGN(store_, EmbeddedStore::open(process_->env(), options));
    watches_ = store_->watches().open([this] { pull(); });
    return {};
  }

  Result<Answer> execute(const Operation& operation) override {
    return std::visit([this](const auto& request) { return answer_to(request); }, operation);
  }

 private:
  template <typename T>
  static Result<Answer> either(Result<T> result) {
    if (result.ok()) return Answer(std::move(result).value());
    // What isn't in the table is no answer.
    if (!as_api_error(result.error())) return result.error();
    return Answer(ErrorAnswer::from(result.error()));
  }
  MvccStore& store() { return store_->store(); }

  Result<Answer> answer_to(const PutRequest& request) { return either(store().put(request)); }
  Result<Answer> answer_to(const RangeRequest& request) { return either(store().range(request)); }
  Result<Answer> answer_to(const DeleteRangeRequest& request) {
    return either(store().delete_range(request));
  }
  Result<Answer> answer_to(const TxnRequest& request) { return either(store().txn(request)); }
  Result<Answer> answer_to(const CompactRequest& request) { return either(store().compact(request)); }
  Result<Answer> answer_to(const LeaseGrantRequest& request) { return either(store().put_lease(request)); }
  Result<Answer> answer_to(const LeaseRevokeRequest& request) {
    return either(store().revoke_lease(request.id));
  }
  Result<Answer> answer_to(const LeaseKeepAliveRequest& request) {
    TRY_ASSIGN(std::string command, store_->proposer().lease_keep_alive({}, request));
    TRY_ASSIGN(const CommandResult result, store_->execute(std::move(command)));
    return either(result.as<LeaseKeepAliveResponse>());
  }
  Result<Answer> answer_to(const LeaseTimeToLiveRequest& request) {
    return either(store().lease_time_to_live(request, store_->log_now()));
  }
  Result<Answer> answer_to(const LeaseLeasesRequest&) { return either(store().lease_leases()); }

  Result<Answer> answer_to(const WatchCreateRequest& request) {
    watches_->create(request);
    return await([](const WatchResponse& message) { return message.created; });
  }
  Result<Answer> answer_to(const WatchCancelRequest& request) {
    if (!open_.contains(request.watch_id))
      return Answer(WatchResponse{.watch_id = request.watch_id, .canceled = false});
    watches_->cancel(request.watch_id);
    return await([&](const WatchResponse& m) { return m.canceled && m.watch_id == request.watch_id; });
  }
  Result<Answer> answer_to(const WatchProgressRequest&) {
    watches_->request_progress();
    return await(
        [](const WatchResponse& message) { return message.watch_id == kNoWatch && !message.created; });
  }
  Result<Answer> answer_to(const CollectRequest&) {
    TRY(answer_to(WatchProgressRequest{}).ok() ? Status() : Error(ErrorCode::kInternal, "no progress"));
    CollectResponse collected;
    for (auto& [id, watch] : ended_) collected.watches.push_back(std::move(watch));
    ended_.clear();
    for (auto& [id, watch] : open_) {
      collected.watches.push_back(std::move(watch));
      watch = {.id = id, .events = {}, .compact_revision = {}};
    }
    std::ranges::sort(collected.watches, {}, [](const CollectedWatch& w) { return w.id; });
    return Answer(std::move(collected));
  }

  // Sorts what came into what collect reports and what somebody waits for.
  void pull() {
    while (std::optional<WatchResponse> message = watches_->next()) {
      const WatchId id = message->watch_id;
      if (message->created && !message->canceled)
        open_[id] = {.id = id, .events = {}, .compact_revision = {}};
      if (const auto watch = open_.find(id); watch != open_.end()) {
        std::ranges::move(message->events, std::back_inserter(watch->second.events));
        message->events.clear();
        if (message->canceled && message->compact_revision != 0) {
          watch->second.compact_revision = message->compact_revision;
          ended_.emplace_back(id, std::move(watch->second));
        }
        if (message->canceled) open_.erase(watch);
      }
      messages_.push_back(std::move(*message));
    }
  }

  // The first message of the kind that was asked for.
  Result<Answer> await(const std::function<bool(const WatchResponse&)>& is_wanted) {
    std::optional<WatchResponse> found;
    const bool came = process_->env().executor.run_until([&] {
      for (; !messages_.empty() && !found; messages_.pop_front())
        if (is_wanted(messages_.front())) found = std::move(messages_.front());
      return found.has_value();
    });
    if (!came) return Error(ErrorCode::kInternal, "no answer on the watch stream");
    return Answer(std::move(*found));
  }

  SimWorld world_{1};
  SimProcess* process_ = nullptr;
  std::unique_ptr<EmbeddedStore> store_;
  std::map<WatchId, CollectedWatch> open_;
  std::vector<std::pair<WatchId, CollectedWatch>> ended_;
  std::deque<WatchResponse> messages_;
  std::unique_ptr<WatchStream> watches_;
};

const TargetRegistration kStoreTarget("store", []() -> Result<std::unique_ptr<ConformanceTarget>> {
  auto target = std::make_unique<StoreTarget>();
  TRY(target->open());
  return std::unique_ptr<ConformanceTarget>(std::move(target));
});

}  // namespace
}  // namespace revd

// The traces on the model (tests/model).
#include <memory>
#include <utility>
#include <variant>

#include "tests/conformance/target.h"
#include "tests/model/model_store.h"
#include "tests/model/model_watch.h"

namespace revd {
namespace {

class ModelTarget final : public ConformanceTarget {
 public:
  Result<Answer> execute(const Operation& operation) override {
    Answer answer = std::visit([this](const auto& request) { return answer_to(request); }, operation);
    watches_.pump();
    return answer;
  }

 private:
  template <typename T>
  static Answer either(Result<T> result) {
    if (!result.ok()) return ErrorAnswer::from(result.error());
    return std::move(result).value();
  }

  Answer answer_to(const PutRequest& request) { return either(store_.put(request)); }
  Answer answer_to(const RangeRequest& request) { return either(store_.range(request)); }
  Answer answer_to(const DeleteRangeRequest& request) { return either(store_.delete_range(request)); }
  Answer answer_to(const TxnRequest& request) { return either(store_.txn(request)); }
  Answer answer_to(const CompactRequest& request) { return either(store_.compact(request)); }
  Answer answer_to(const LeaseGrantRequest& request) { return either(store_.lease_grant(request)); }
  Answer answer_to(const LeaseRevokeRequest& request) { return either(store_.lease_revoke(request)); }
  Answer answer_to(const LeaseKeepAliveRequest& request) { return store_.lease_keep_alive(request); }
  Answer answer_to(const LeaseTimeToLiveRequest& request) { return store_.lease_time_to_live(request); }
  Answer answer_to(const LeaseLeasesRequest&) { return store_.lease_leases(); }
  Answer answer_to(const WatchCreateRequest& request) { return watches_.create(request); }
  Answer answer_to(const WatchCancelRequest& request) {
    return WatchResponse{.watch_id = request.watch_id, .canceled = watches_.cancel(request.watch_id)};
  }
  Answer answer_to(const WatchProgressRequest&) { return watches_.progress(); }
  Answer answer_to(const CollectRequest&) {
    CollectResponse collected;
    for (ModelWatchStream::Delivery& delivery : watches_.collect()) {
      CollectedWatch& watch = collected.watches.emplace_back();
      watch.id = delivery.id;
      watch.events = std::move(delivery.events);
      if (delivery.canceled()) watch.compact_revision = delivery.compact_revision;
    }
    return collected;
  }

  ModelStore store_;
  ModelWatchStream watches_{store_};
};

const TargetRegistration kModelTarget("model", [] {
  return Result<std::unique_ptr<ConformanceTarget>>(std::make_unique<ModelTarget>());
});

}  // namespace
}  // namespace revd

#include "server/services/node_service.h"

#include <concepts>
#include <utility>
#include <variant>

#include "mvcc/command/errors.h"
#include "server/services/answers.h"

namespace revd {

namespace {

template <typename ServiceT, typename RequestT>
concept Handles =
    requires(ServiceT service, Call& call, RequestT& request) { service.handle(call, request); };

}  // namespace

NodeService::NodeService(Node& node, std::string version)
    : node_(node), api_(node, std::move(version)), leases_(node), watches_(node) {}

AnswerHeader NodeService::header() const { return header_of(node_, node_.store().current_revision()); }

void NodeService::start(Call call) {
  if (!node_.failed().ok()) return finish_error(node_, *call.reply, api_error(ApiError::kStopped), false);
  Request request = std::move(call.request);
  std::visit(
      [&](auto& asked) {
        using RequestT = std::remove_reference_t<decltype(asked)>;
        if constexpr (Handles<WatchService, RequestT>) {
          watches_.handle(call, asked);
        } else if constexpr (Handles<LeaseManager, RequestT>) {
          leases_.handle(call, asked);
        } else if constexpr (Handles<ApiService, RequestT>) {
          api_.handle(call, asked);
        } else {
          static_assert(std::same_as<RequestT, PingRequest>, "a request that no service answers");
          EmptyResponse pong;
          pong.revision = node_.store().current_revision();
          finish(node_, *call.reply, Response(pong));
        }
      },
      request);
}

}  // namespace revd

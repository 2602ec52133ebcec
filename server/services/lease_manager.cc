#include "server/services/lease_manager.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/services/answers.h"

namespace revd {

namespace {

// A read of the lease tree, after the barrier. `read` gives a Result of the response.
template <typename Read>
void read_and_answer(Node& node, std::unique_ptr<Reply> reply, Read read) {
  node.read_barrier([&node, reply = std::move(reply), read = std::move(read)](const Status& passed) mutable {
    if (!passed.ok()) return finish_error(node, *reply, passed.error(), false);
    auto response = read(node);
    if (!response.ok()) return finish_error(node, *reply, response.error(), true);
    finish(node, *reply, Response(std::move(*response)));
  });
}

}  // namespace

void LeaseManager::handle(Call& call, const LeaseGrantRequest& request) {
  auto command = node_.proposer().lease_grant(command_header(call), request);
  propose_and_answer<LeaseGrantResponse>(node_, std::move(call.reply), std::move(command));
}

void LeaseManager::handle(Call& call, const LeaseRevokeRequest& request) {
  auto command = node_.proposer().lease_revoke(command_header(call), request);
  propose_and_answer<LeaseRevokeResponse>(node_, std::move(call.reply), std::move(command));
}

void LeaseManager::handle(Call& call, LeaseKeepAliveRequest& request) {
  // One of a session has its own place in it.
  if (call.stamp.session != SessionId{} || request.ids.size() >= kKeepAliveIdsMax) {
    auto command = node_.proposer().lease_keep_alive(command_header(call), request);
    ++keep_alive_commands_;
    return propose_and_answer<LeaseKeepAliveResponse>(node_, std::move(call.reply), std::move(command));
  }
  if (gathered_.ids.size() + request.ids.size() > kKeepAliveIdsMax) flush();
  waiting_.push_back({std::move(call.reply), request.ids.size()});
  std::ranges::copy(request.ids, std::back_inserter(gathered_.ids));
  if (std::exchange(flush_posted_, true)) return;
  node_.env().executor.post([this, alive = alive_] {
    if (!*alive) return;
    flush_posted_ = false;
    flush();
  });
}

void LeaseManager::flush() {
  if (waiting_.empty()) return;
  auto command = node_.proposer().lease_keep_alive({}, std::exchange(gathered_, {}));
  auto batch = std::make_shared<Batch>(std::exchange(waiting_, {}));
  const auto fail_all = [&node = node_, batch](const Error& error, bool reached_store) {
    for (Waiting& one : *batch) finish_error(node, *one.reply, error, reached_store);
  };
  if (!command.ok()) return fail_all(command.error(), false);
  ++keep_alive_commands_;
  node_.propose(std::move(*command), [&node = node_, batch, fail_all](const Result<CommandResult>& result) {
    if (!result.ok()) return fail_all(result.error(), false);
    const auto all = result->as<LeaseKeepAliveResponse>();
    if (!all.ok()) return fail_all(all.error(), true);
    auto next = all->ttls_ms.begin();
    for (Waiting& one : *batch) {
      LeaseKeepAliveResponse own;
      own.revision = all->revision;
      const auto end = next + static_cast<ptrdiff_t>(one.ids);
      own.ttls_ms.assign(next, end);
      next = end;
      finish(node, *one.reply, std::move(own));
    }
  });
}

void LeaseManager::handle(Call& call, const LeaseTimeToLiveRequest& request) {
  read_and_answer(node_, std::move(call.reply), [request](Node& node) {
    return node.store().lease_time_to_live(request, node.consensus().log_now());
  });
}

void LeaseManager::handle(Call& call, const LeaseLeasesRequest&) {
  read_and_answer(node_, std::move(call.reply), [](Node& node) { return node.store().lease_leases(); });
}

}  // namespace revd

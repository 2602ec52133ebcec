// How services answer: headers, errors that leave the process, commands proposed on a caller's behalf.
//
// Thread rule: the node's reactor. Functions borrow the node for the time until the answer.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "server/node/node.h"
#include "server/service.h"

namespace revd {

// {cluster, member, term, applied index} as they are now, with the revision of what is answered.
AnswerHeader header_of(const Node& node, int64_t revision);

// The last answer of a call; the header's revision is the response's own.
void finish(Node& node, Reply& reply, Response response);
// `reached_store`: the error was decided on a state of the store, whose revision the header then has.
void finish_error(Node& node, Reply& reply, const Error& error, bool reached_store);
// One of a stream's answers, with more to follow.
void send(Node& node, Reply& reply, Response response);

// What stands in front of a command: session, principal.
CommandHeader command_header(const Call& call);

// Proposes what the proposer built, and answers with its result as ResponseT; or answers the proposer's
// error.
template <typename ResponseT>
void propose_and_answer(Node& node, std::unique_ptr<Reply> reply, Result<std::string> command) {
  if (!command.ok()) return finish_error(node, *reply, command.error(), false);
  node.propose(std::move(*command), [&node, reply = std::move(reply)](Result<CommandResult> result) {
    if (!result.ok()) return finish_error(node, *reply, result.error(), false);
    Result<ResponseT> answer = result->as<ResponseT>();
    if (!answer.ok()) return finish_error(node, *reply, answer.error(), true);
    finish(node, *reply, Response(std::move(*answer)));
  });
}

}  // namespace revd

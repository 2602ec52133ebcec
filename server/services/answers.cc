#include "server/services/answers.h"

#include "mvcc/command/errors.h"

namespace revd {

namespace {

int64_t revision_of(const Response& response) {
  return std::visit([](const auto& answer) { return answer.revision; }, response);
}

}  // namespace

AnswerHeader header_of(const Node& node, int64_t revision) {
  AnswerHeader header;
  header.cluster = node.cluster();
  header.member = node.member();
  header.revision = revision;
  header.term = node.consensus().state().term;
  header.applied_index = node.applied_index();
  return header;
}

void finish(Node& node, Reply& reply, Response response) {
  const AnswerHeader header = header_of(node, revision_of(response));
  reply.finish(header, std::move(response));
}

void send(Node& node, Reply& reply, Response response) {
  const AnswerHeader header = header_of(node, revision_of(response));
  reply.send(header, std::move(response));
}

void finish_error(Node& node, Reply& reply, const Error& error, bool reached_store) {
  const AnswerHeader header = header_of(node, reached_store ? node.store().current_revision() : 0);
  switch (error.code()) {
    case ErrorCode::kIo:
    case ErrorCode::kWouldBlock:
      // Codes of this process alone: its storage has failed, and it is about to end.
      node.env().logger.error("service", "storage failed", {{"error", error.describe()}});
      return reply.finish(header, api_error(ApiError::kStopped));
    case ErrorCode::kDataLoss:
      node.env().logger.error("service", "damaged data", {{"error", error.describe()}});
      return reply.finish(header, error);
    default: return reply.finish(header, error);
  }
}

CommandHeader command_header(const Call& call) {
  return {.session = call.stamp.session,
          .sequence = call.stamp.sequence,
          .lowest_unacknowledged = call.stamp.lowest_unacknowledged,
          .principal = call.principal->user,
          .permission_revision = 0};
}

}  // namespace revd

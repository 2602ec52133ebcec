// Command: what the log carries and every replica applies. CommandResult: what that answers.
//
// A command holds everything that applying it needs: picked ids, raised ttls, the proposer's term;
// nothing is looked up elsewhere but in the trees. Values, owned; split_command gives views for the
// hot path. Bytes from the log are never trusted: decoding errors are kDataLoss, a version that this
// build doesn't know is kUnimplemented and must stop the node. Format: README.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "mvcc/command/requests.h"
#include "mvcc/command/responses.h"
#include "mvcc/command/struct_codec.h"

namespace revd {

// Raised by every change that an older build would apply differently, new fields included.
inline constexpr uint8_t kCommandVersion = 1;

// Ends leases whose deadline has passed by the entry's log time, each in a revision of its own, in this
// order; nothing if `term` isn't the entry's.
struct LeaseExpireCommand {
  Term term{};
  std::vector<LeaseId> ids{};

  static constexpr auto fields() { return std::tuple(&LeaseExpireCommand::term, &LeaseExpireCommand::ids); }
  friend bool operator==(const LeaseExpireCommand&, const LeaseExpireCommand&) = default;
};

// The same for sessions.
struct SessionExpireCommand {
  Term term{};
  std::vector<SessionId> ids{};

  static constexpr auto fields() {
    return std::tuple(&SessionExpireCommand::term, &SessionExpireCommand::ids);
  }
  friend bool operator==(const SessionExpireCommand&, const SessionExpireCommand&) = default;
};

enum class AlarmCause : uint8_t { kQuota = 1, kDisk = 2 };

struct AlarmRaiseCommand {
  NodeId member{};
  AlarmCause cause{};

  static constexpr auto fields() { return std::tuple(&AlarmRaiseCommand::member, &AlarmRaiseCommand::cause); }
  friend bool operator==(const AlarmRaiseCommand&, const AlarmRaiseCommand&) = default;
};

struct AlarmClearCommand {
  NodeId member{};
  AlarmCause cause{};

  static constexpr auto fields() { return std::tuple(&AlarmClearCommand::member, &AlarmClearCommand::cause); }
  friend bool operator==(const AlarmClearCommand&, const AlarmClearCommand&) = default;
};

// The alternatives' order is their number on the wire (CommandKind).
using CommandBody =
    std::variant<std::monostate, PutRequest, DeleteRangeRequest, TxnRequest, CompactRequest,
                 LeaseGrantRequest, LeaseRevokeRequest, LeaseKeepAliveRequest, LeaseExpireCommand,
                 SessionOpenRequest, SessionCloseRequest, SessionKeepAliveRequest, SessionExpireCommand,
                 AlarmRaiseCommand, AlarmClearCommand>;

enum class CommandKind : uint8_t {
  kPut = 1,
  kDeleteRange = 2,
  kTxn = 3,
  kCompact = 4,
  kLeaseGrant = 5,
  kLeaseRevoke = 6,
  kLeaseKeepAlive = 7,
  kLeaseExpire = 8,
  kSessionOpen = 9,
  kSessionClose = 10,
  kSessionKeepAlive = 11,
  kSessionExpire = 12,
  kAlarmRaise = 13,
  kAlarmClear = 14,
};

// What every command has in front. Without a session, sequence and lowest_unacknowledged are 0.
template <typename Bytes>
struct BasicCommandHeader {
  SessionId session{};
  uint64_t sequence = 0;               // counts the session's commands from 1
  uint64_t lowest_unacknowledged = 0;  // answers below it can be forgotten
  Bytes principal{};                   // on whose behalf; empty: nobody in particular
  int64_t permission_revision = 0;     // of the permissions that the proposer checked it against

  static constexpr auto fields() {
    using Self = BasicCommandHeader;
    return std::tuple(&Self::session, &Self::sequence, &Self::lowest_unacknowledged, &Self::principal,
                      &Self::permission_revision);
  }
  friend bool operator==(const BasicCommandHeader&, const BasicCommandHeader&) = default;
};
using CommandHeader = BasicCommandHeader<std::string>;
using CommandHeaderView = BasicCommandHeader<std::string_view>;

struct Command {
  CommandHeader header{};
  CommandBody body{};

  CommandKind kind() const { return static_cast<CommandKind>(body.index()); }
  friend bool operator==(const Command&, const Command&) = default;
};

// A command whose body isn't decoded yet: decode_message<PutView>(parts.body) for kPut, and so on.
// Borrows from the bytes that it was split from.
struct CommandParts {
  CommandHeaderView header{};
  CommandKind kind{};
  ByteSpan body{};
};

// Appends the encoding; the body must not be monostate.
void encode_command(const Command& command, std::string& out);
std::string encode_command(const Command& command);
// The same for a body of `kind` that isn't in a Command, such as a PutView.
template <Message Body>
void encode_command(const CommandHeader& header, CommandKind kind, const Body& body, std::string& out);

Result<CommandParts> split_command(ByteSpan bytes);
Result<Command> decode_command(ByteSpan bytes);

inline constexpr uint8_t kCommandResultVersion = 1;

// What a command answers, as a session's window keeps it. A failed command changed nothing.
struct CommandResult {
  std::variant<std::monostate, ErrorAnswer, EmptyResponse, PutResponse, DeleteRangeResponse, TxnResponse,
               CompactResponse, LeaseGrantResponse, LeaseRevokeResponse, LeaseKeepAliveResponse,
               SessionOpenResponse>
      one_of{};

  bool ok() const { return !std::holds_alternative<ErrorAnswer>(one_of); }
  // The answer as `T`; its error if it failed; kInternal if it is an answer of another kind.
  template <typename T>
  Result<T> as() const {
    if (const auto* answer = std::get_if<T>(&one_of)) return *answer;
    if (const auto* error = std::get_if<ErrorAnswer>(&one_of)) return error->to_error();
    return Error(ErrorCode::kInternal, "the command's answer is of another kind");
  }
  friend bool operator==(const CommandResult&, const CommandResult&) = default;
};

void encode_command_result(const CommandResult& result, std::string& out);
Result<CommandResult> decode_command_result(ByteSpan bytes);

template <Message Body>
void encode_command(const CommandHeader& header, CommandKind kind, const Body& body, std::string& out) {
  const size_t head_size = codec::content_size(header);
  const size_t body_size = codec::content_size(body);
  out.reserve(out.size() + head_size + body_size + 4);
  ByteWriter writer(out);
  writer.u8(kCommandVersion);
  writer.varint(head_size);
  codec::write_content(writer, header, head_size);
  writer.u8(static_cast<uint8_t>(kind));
  codec::write_content(writer, body, body_size);
}

}  // namespace revd

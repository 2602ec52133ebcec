#include "mvcc/command/command.h"

#include <type_traits>

#include "base/strings.h"

namespace revd {
namespace {

static_assert(std::variant_size_v<CommandBody> == static_cast<size_t>(CommandKind::kAlarmClear) + 1);
static_assert(
    std::is_same_v<std::variant_alternative_t<static_cast<size_t>(CommandKind::kAlarmClear), CommandBody>,
                   AlarmClearCommand>);

Error malformed_command() { return Error(ErrorCode::kDataLoss, "malformed command in the log"); }

template <size_t Index = 1>
Result<CommandBody> decode_body(CommandKind kind, ByteSpan bytes) {
  if constexpr (Index < std::variant_size_v<CommandBody>) {
    if (static_cast<size_t>(kind) != Index) return decode_body<Index + 1>(kind, bytes);
    auto body = decode_message<std::variant_alternative_t<Index, CommandBody>>(bytes);
    if (!body.ok()) return malformed_command();
    return CommandBody(std::in_place_index<Index>, std::move(body).value());
  } else {
    return malformed_command();
  }
}

}  // namespace

void encode_command(const Command& command, std::string& out) {
  CHECK(command.body.index() != 0);
  std::visit(
      [&](const auto& body) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(body)>, std::monostate>)
          encode_command(command.header, command.kind(), body, out);
      },
      command.body);
}

std::string encode_command(const Command& command) {
  std::string out;
  encode_command(command, out);
  return out;
}

Result<CommandParts> split_command(ByteSpan bytes) {
  ByteReader reader(bytes);
  const uint8_t version = reader.u8();
  if (!reader.ok()) return malformed_command();
  if (version != kCommandVersion) {
    return Error(ErrorCode::kUnimplemented, str_cat("command version ", int{version},
                                                    " is unknown; this build knows ", int{kCommandVersion}));
  }
  const std::string_view head = reader.length_prefixed();
  const uint8_t kind = reader.u8();
  if (!reader.ok() || kind == 0 || kind >= std::variant_size_v<CommandBody>) return malformed_command();
  auto header = decode_message<CommandHeaderView>(as_bytes(head));
  if (!header.ok()) return malformed_command();
  return CommandParts{*header, static_cast<CommandKind>(kind), reader.take(reader.remaining())};
}

Result<Command> decode_command(ByteSpan bytes) {
  TRY_ASSIGN(const CommandParts parts, split_command(bytes));
  TRY_ASSIGN(CommandBody body, decode_body(parts.kind, parts.body));
  const CommandHeaderView& header = parts.header;
  return Command{{header.session, header.sequence, header.lowest_unacknowledged,
                  std::string(header.principal), header.permission_revision},
                 std::move(body)};
}

void encode_command_result(const CommandResult& result, std::string& out) {
  ByteWriter writer(out);
  writer.u8(kCommandResultVersion);
  codec::write(writer, result);
}

Result<CommandResult> decode_command_result(ByteSpan bytes) {
  ByteReader reader(bytes);
  const uint8_t version = reader.u8();
  if (reader.ok() && version != kCommandResultVersion) {
    return Error(ErrorCode::kUnimplemented, str_cat("command result version ", int{version}, " is unknown"));
  }
  CommandResult result;
  const DecodeLimits limits;
  codec::Budget budget{limits.nesting, limits.operations};
  codec::read(reader, budget, result);
  if (!reader.finished() || result.one_of.index() == 0)
    return Error(ErrorCode::kDataLoss, "malformed command result");
  return result;
}

}  // namespace revd

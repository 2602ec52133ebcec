#include "server/protocol/messages.h"

#include <array>
#include <utility>

#include "base/strings.h"

namespace revd::protocol {

namespace {

// An answer is whatever the server had to say; a client bounds it by bytes, not by operations.
constexpr DecodeLimits kAnswerLimits{.nesting = 400, .operations = ~uint32_t{0}};

template <Message T>
void write_header(ByteWriter& writer, const T& header) {
  const size_t size = codec::content_size(header);
  writer.varint(size);
  codec::write_content(writer, header, size);
}

template <Message Header, Message Content>
std::string encode_both(const Header& header, const Content& content) {
  const size_t content_size = encoded_size(content);
  std::string out;
  out.reserve(encoded_size(header) + 2 + content_size);
  ByteWriter writer(out);
  write_header(writer, header);
  codec::write_content(writer, content, content_size);
  return out;
}

template <Message Header>
Result<Header> read_header(ByteReader& reader) {
  const std::string_view bytes = reader.length_prefixed();
  if (!reader.ok()) return Error(ErrorCode::kInvalidArgument, "malformed header");
  return decode_message<Header>(as_bytes(bytes));
}

// Calls `found(Method())` for the method of `type`; false if there is none.
template <size_t kIndex = 0, typename F>
bool with_method(uint16_t type, F&& found) {
  if constexpr (kIndex < std::tuple_size_v<Methods>) {
    if (MethodAt<kIndex>::kType == type) {
      found(MethodAt<kIndex>());
      return true;
    }
    return with_method<kIndex + 1>(type, std::forward<F>(found));
  } else {
    return false;
  }
}

constexpr std::array<std::string_view, std::tuple_size_v<Methods>> kNames = {"put",
                                                                             "range",
                                                                             "range_pages",
                                                                             "delete_range",
                                                                             "txn",
                                                                             "compact",
                                                                             "lease_grant",
                                                                             "lease_revoke",
                                                                             "lease_keep_alive",
                                                                             "lease_time_to_live",
                                                                             "lease_leases",
                                                                             "watch_create",
                                                                             "watch_cancel",
                                                                             "watch_progress",
                                                                             "session_open",
                                                                             "session_close",
                                                                             "session_keep_alive",
                                                                             "ping",
                                                                             "status",
                                                                             "hash",
                                                                             "snapshot",
                                                                             "alarm"};

template <size_t... kIndexes>
constexpr std::array<uint16_t, sizeof...(kIndexes)> list_types(std::index_sequence<kIndexes...>) {
  return {MethodAt<kIndexes>::kType...};
}
constexpr auto kTypes = list_types(std::make_index_sequence<std::tuple_size_v<Methods>>());

template <size_t... kIndexes>
constexpr std::array<Kind, sizeof...(kIndexes)> list_kinds(std::index_sequence<kIndexes...>) {
  return {MethodAt<kIndexes>::kKind...};
}
constexpr auto kKinds = list_kinds(std::make_index_sequence<std::tuple_size_v<Methods>>());

template <size_t... kIndexes>
constexpr bool in_variant_order(std::index_sequence<kIndexes...>) {
  return (std::is_same_v<std::variant_alternative_t<kIndexes, Request>,
                         typename MethodAt<kIndexes>::RequestType> &&
          ...);
}
static_assert(in_variant_order(std::make_index_sequence<std::tuple_size_v<Methods>>()));

// What the wire knows: gRPC's codes alone; the node's own troubles are kInternal for others.
ErrorAnswer sanitize(ErrorAnswer answer) {
  const auto number = static_cast<uint8_t>(answer.code);
  if (answer.code == ErrorCode::kWouldBlock || answer.code == ErrorCode::kIo) {
    answer.code = ErrorCode::kInternal;
  } else if (number == 0 || number > static_cast<uint8_t>(ErrorCode::kUnauthenticated)) {
    answer.code = ErrorCode::kUnknown;
  }
  return answer;
}

}  // namespace

uint16_t type_of(const Request& request) { return kTypes[request.index()]; }

Kind kind_of(const Request& request) { return kKinds[request.index()]; }

std::string_view method_name(uint16_t type) {
  for (size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i] == type) return kNames[i];
  }
  return "unknown";
}

std::string encode_request(const RequestHeader& header, const Request& request) {
  return std::visit([&](const auto& content) { return encode_both(header, content); }, request);
}

Result<DecodedRequest> decode_request(uint16_t type, ByteSpan body, DecodeLimits limits) {
  Result<DecodedRequest> result =
      Error(ErrorCode::kUnimplemented, str_cat("this server knows no request of type ", type));
  with_method(type, [&](auto method) {
    using RequestType = typename decltype(method)::RequestType;
    result = [&]() -> Result<DecodedRequest> {
      ByteReader reader(body);
      DecodedRequest decoded;
      TRY_ASSIGN(decoded.header, read_header<RequestHeader>(reader));
      decoded.content_bytes = reader.remaining();
      TRY_ASSIGN(decoded.request, decode_message<RequestType>(reader.take(reader.remaining()), limits));
      return decoded;
    }();
  });
  return result;
}

std::string encode_answer(const AnswerHeader& header, const Response& response) {
  return std::visit([&](const auto& content) { return encode_both(header, content); }, response);
}

std::string encode_error(const AnswerHeader& header, const Error& error) {
  return encode_both(header, sanitize(ErrorAnswer::from(error)));
}

Result<DecodedAnswer> decode_answer(uint16_t type, bool is_error, ByteSpan body) {
  ByteReader reader(body);
  DecodedAnswer decoded;
  TRY_ASSIGN(decoded.header, read_header<AnswerHeader>(reader));
  const ByteSpan content = reader.take(reader.remaining());
  if (is_error) {
    TRY_ASSIGN(ErrorAnswer answer, decode_message<ErrorAnswer>(content));
    decoded.outcome = sanitize(std::move(answer)).to_error();
    return decoded;
  }
  Status status = Error(ErrorCode::kInvalidArgument, str_cat("an answer of unknown type ", type));
  with_method(type, [&](auto method) {
    auto response = decode_message<typename decltype(method)::ResponseType>(content, kAnswerLimits);
    if (!response.ok()) {
      status = std::move(response).error();
      return;
    }
    status = Status();
    decoded.outcome = Response(std::move(response).value());
  });
  TRY(std::move(status));
  return decoded;
}

std::string encode_goodbye(const Error& reason) {
  std::string out;
  append_frame(kTypeGoodbye, kFlagError, 0, as_bytes(encode_message(sanitize(ErrorAnswer::from(reason)))),
               out);
  return out;
}

Error decode_goodbye(ByteSpan body) {
  auto answer = decode_message<ErrorAnswer>(body);
  if (!answer.ok()) return Error(ErrorCode::kUnavailable, "the server closed the connection");
  return sanitize(std::move(answer).value()).to_error();
}

}  // namespace revd::protocol
